package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Retention says what becomes of data when a stack is deleted.
// +kubebuilder:validation:Enum=Retain;Delete
type Retention string

const (
	// Retain keeps the volumes; a new stack of the same name takes them up again.
	Retain Retention = "Retain"
	// Delete deletes the volumes with the stack, and all data in them.
	Delete Retention = "Delete"
)

// Storage of the services' databases.
// +kubebuilder:validation:XValidation:rule="(has(self.className) ? self.className : \"\") == (has(oldSelf.className) ? oldSelf.className : \"\")",message="the class of a volume cannot be changed: back up, make a new stack with the other class and restore"
type Storage struct {
	// Engine that keeps the data: sqlite, a file on a volume for each service, or
	// postgres, a server. It cannot be changed.
	// +optional
	// +kubebuilder:validation:Enum=sqlite;postgres
	// +kubebuilder:default=sqlite
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="the engine cannot be changed: make a new stack with the other one and move the data with fountain migrate"
	Engine string `json:"engine,omitempty"`
	// Size of each volume. It may grow where the class allows it, and never shrinks.
	// +optional
	// +kubebuilder:default="2Gi"
	// +kubebuilder:validation:XValidation:rule="quantity(self).compareTo(quantity(oldSelf)) >= 0",message="a volume cannot shrink: back up, make a new stack with the smaller size and restore"
	Size *resource.Quantity `json:"size,omitempty"`
	// ClassName of the StorageClass. Empty: the cluster's default. It cannot be changed.
	// +optional
	ClassName string `json:"className,omitempty"`
	// Retain says what becomes of the volumes when the stack is deleted.
	// +optional
	// +kubebuilder:default=Retain
	Retain Retention `json:"retain,omitempty"`
}

// Backup of all databases on a schedule, to a volume or, with a bucket, to an
// S3-compatible store.
type Backup struct {
	// Schedule in the syntax of cron.
	// +optional
	// +kubebuilder:default="17 3 * * *"
	// +kubebuilder:validation:Pattern=`^(@(hourly|daily|midnight|weekly|monthly|yearly|annually)|\S+( +\S+){4})$`
	Schedule string `json:"schedule,omitempty"`
	// TimeZone of the schedule, a name of the IANA database. Empty: Etc/UTC.
	// +optional
	TimeZone string `json:"timeZone,omitempty"`
	// Suspend makes no more backups for now.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
	// Keep that many backups.
	// +optional
	// +kubebuilder:default=7
	// +kubebuilder:validation:Minimum=1
	Keep int32 `json:"keep,omitempty"`
	// Size of the volume.
	// +optional
	Size *resource.Quantity `json:"size,omitempty"`
	// ClassName of the volume's StorageClass. Empty: the stack's.
	// +optional
	ClassName string `json:"className,omitempty"`
	// Retain says what becomes of the volume when the stack is deleted.
	// +optional
	// +kubebuilder:default=Retain
	Retain Retention `json:"retain,omitempty"`
	// ObjectStore in place of a volume.
	// +optional
	ObjectStore *ObjectStore `json:"objectStore,omitempty"`
}

// ObjectStore is an S3-compatible bucket.
type ObjectStore struct {
	// Bucket by its name.
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=63
	Bucket string `json:"bucket"`
	// Prefix is a folder in the bucket.
	// +optional
	Prefix string `json:"prefix,omitempty"`
	// Endpoint of the store. Empty: AWS.
	// +optional
	// +kubebuilder:validation:Pattern=`^https?://[^/ ]+$`
	Endpoint string `json:"endpoint,omitempty"`
	// Region of the bucket.
	// +optional
	Region string `json:"region,omitempty"`
	// PathStyle addresses the bucket by path and not by host name.
	// +optional
	PathStyle bool `json:"pathStyle,omitempty"`
	// Credentials names a Secret with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Without: the role of the ServiceAccount.
	// +optional
	Credentials *corev1.LocalObjectReference `json:"credentials,omitempty"`
}

// Restore names the backup that empty volumes are filled from.
// +kubebuilder:validation:XValidation:rule="(has(self.claimName) ? 1 : 0) + (has(self.objectStore) ? 1 : 0) == 1",message="name either a claim that holds backups (claimName) or a bucket (objectStore)"
type Restore struct {
	// Backup by its name, such as 20260102T030405Z.
	// +optional
	// +kubebuilder:default=latest
	// +kubebuilder:validation:MinLength=1
	Backup string `json:"backup,omitempty"`
	// ClaimName of a volume that holds backups. All services mount it: where they run on several nodes it must allow that.
	// +optional
	// +kubebuilder:validation:MinLength=1
	ClaimName string `json:"claimName,omitempty"`
	// ObjectStore that holds backups.
	// +optional
	ObjectStore *ObjectStore `json:"objectStore,omitempty"`
}

// Replica is a copy of every database elsewhere, a second or so behind, with which
// empty volumes begin.
// +kubebuilder:validation:XValidation:rule="!self.url.startsWith('sftp:') || has(self.credentials)",message="SFTP needs credentials: a Secret with FOUNTAIN_SFTP_KEY and FOUNTAIN_SFTP_KNOWN_HOSTS"
type Replica struct {
	// URL is s3://BUCKET/PREFIX, with ?endpoint=https://…&region=…&path-style=true where it is not AWS,
	// or sftp://USER@HOST/PATH. Each service has a folder of its own below it.
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:Pattern=`^(s3://[a-z0-9][^ @]*|sftp://[^ :@]+@[^ ?#@]+)$`
	URL string `json:"url"`
	// Credentials names a Secret with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or with
	// FOUNTAIN_SFTP_KEY and FOUNTAIN_SFTP_KNOWN_HOSTS. Without: the role of the ServiceAccounts.
	// +optional
	Credentials *corev1.LocalObjectReference `json:"credentials,omitempty"`
	// RestoreAt begins empty volumes with the databases as they were at this time. Without: as they were last.
	// A volume that holds a database is left as it is.
	// +optional
	RestoreAt *metav1.Time `json:"restoreAt,omitempty"`
	// StartEmpty begins empty volumes with new databases if the replica cannot be read.
	// Otherwise the services then do not start.
	// +optional
	StartEmpty bool `json:"startEmpty,omitempty"`
}
