#!/bin/sh
# Makes the two Debian file systems of a node image: rootfs.sh node|network FILE. "node" is a machine with systemd;
# "network" holds what programs that set up the network call. Packages come from where this machine's come from.
set -eu
kind=$1 file=$2
release=$(. /etc/os-release && echo "$VERSION_CODENAME")

# sources prints this machine's package sources, whichever of the two formats they are in.
sources() {
	cat /etc/apt/sources.list.d/debian.sources 2>/dev/null || cat /etc/apt/sources.list
}

make() {
	sources | mmdebstrap --quiet "$@" \
		--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
		"$release" "$file" -
}

case $kind in
node)
	# A container has no hardware to look after, and nobody logs in.
	make --variant=minbase \
		--include=systemd,systemd-sysv,dbus,bash,ca-certificates,iproute2,iptables,ipset,nftables,conntrack,ethtool,socat,mount,util-linux,kmod,procps,runc,containernetworking-plugins,jq \
		--customize-hook='rm -f "$1"/lib/systemd/system/multi-user.target.wants/* "$1"/etc/systemd/system/*.wants/* "$1"/lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service "$1"/etc/machine-id' \
		--customize-hook='chroot "$1" systemctl mask systemd-binfmt.service systemd-logind.service systemd-remount-fs.service systemd-modules-load.service systemd-update-utmp.service systemd-udevd.service systemd-udevd-control.socket systemd-udevd-kernel.socket dev-hugepages.mount sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount sys-fs-fuse-connections.mount getty.target apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer' \
		--customize-hook='chroot "$1" systemctl set-default multi-user.target' \
		--customize-hook='mkdir -p "$1"/opt/cni "$1"/etc/cni/net.d "$1"/etc/kubernetes/manifests && ln -s /usr/lib/cni "$1"/opt/cni/bin'
	;;
network)
	make --variant=extract --include=busybox-static,iproute2,ipset,iptables,nftables,kmod,conntrack \
		--extract-hook='for name in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do ln -sf xtables-nft-multi "$1/usr/sbin/$name"; done; rm -rf "$1"/var/cache/apt/* "$1"/var/lib/apt/lists/*'
	;;
*)
	echo "rootfs.sh: want node or network" >&2
	exit 2
	;;
esac
