// The plugin acl: may they?

package gateway

import (
	"slices"
	"strings"
)

type acl struct {
	groups []string
	deny   bool // groups are the ones kept out
	hide   bool // services are not told the groups
}

func (s *aclSettings) install(chain *chain, _ *Gateway) {
	chain.acl = &acl{groups: s.Allow, hide: s.HideGroupsHeader}
	if len(s.Deny) > 0 {
		chain.acl.groups, chain.acl.deny = s.Deny, true
	}
}

// authorize refuses a consumer who is not in the right group.
func (a *acl) authorize(x *exchange) bool {
	if x.consumer == nil {
		return x.refuse(errUnauthorized)
	}
	member := slices.ContainsFunc(x.consumer.groups, func(group string) bool { return slices.Contains(a.groups, group) })
	if member == a.deny {
		return x.refuse(errForbidden)
	}
	return true
}

// groupsHeader is what a service is told about the groups of a consumer.
func (a *acl) groupsHeader(c *consumer) string {
	if a.hide {
		return ""
	}
	return strings.Join(c.groups, ", ")
}
