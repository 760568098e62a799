package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// FountainStack is a whole FountainAI: five services, each with a database of
// its own, behind one gateway. The objects that it is made of are those that
// the chart fountainai renders, under the name of the stack.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=fstack,categories={fountainai}
// +kubebuilder:printcolumn:name="Domain",type=string,JSONPath=`.spec.domain`
// +kubebuilder:printcolumn:name="Version",type=string,JSONPath=`.status.version`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Services",type=string,JSONPath=`.status.ready`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="size(self.metadata.name) <= 35",message="the name of a stack has at most 35 characters: with the names of the services it must fit the labels of Kubernetes"
// +kubebuilder:validation:XValidation:rule="self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",message="the name of a stack begins with a letter and holds small letters, digits and hyphens: Services are named after it"
type FountainStack struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what the stack should be.
	Spec FountainStackSpec `json:"spec"`
	// Status is what the stack is.
	Status FountainStackStatus `json:"status,omitempty"`
}

// FountainStackList is a list of stacks.
//
// +kubebuilder:object:root=true
type FountainStackList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []FountainStack `json:"items"`
}

// FountainStackSpec is what a stack should be.
// +kubebuilder:validation:XValidation:rule="!has(self.restore) || !has(self.replica)",message="restore would fill empty volumes from a backup before the replica can, which has more: leave replica out while you restore a backup"
// +kubebuilder:validation:XValidation:rule="self.storage.engine != 'postgres' || has(self.database)",message="storage.engine postgres needs database: name the Secret with the server's URL"
// +kubebuilder:validation:XValidation:rule="self.storage.engine == 'postgres' || !has(self.database)",message="database is for storage.engine postgres"
// +kubebuilder:validation:XValidation:rule="self.storage.engine != 'postgres' || !has(self.backup) && !has(self.restore)",message="backup and restore are for storage.engine sqlite; back the PostgreSQL server up where it runs"
// +kubebuilder:validation:XValidation:rule="self.storage.engine == 'postgres' || !has(self.scaling)",message="more than one replica needs storage.engine postgres: a SQLite file has one process"
type FountainStackSpec struct {
	// Domain of the stack; the gateway finds the services at <service>.<domain>.
	// +kubebuilder:validation:MaxLength=200
	// +kubebuilder:validation:Pattern=`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`
	Domain string `json:"domain"`

	// Version is the tag of the FountainAI images. Empty: the operator's own version.
	// A new version is given to one service after the other, and goes no further
	// than the first that does not become ready.
	// +optional
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`
	// +kubebuilder:validation:MaxLength=128
	Version string `json:"version,omitempty"`

	// Suspend lets everything stay as it is: nothing is changed, corrected or upgraded.
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// Images says where images come from.
	// +optional
	Images Images `json:"images,omitempty"`

	// Storage of all services.
	// +optional
	// +kubebuilder:default={}
	Storage Storage `json:"storage,omitempty"`

	// Database is the PostgreSQL server, with storage.engine postgres.
	// +optional
	Database *Database `json:"database,omitempty"`

	// Scaling says how many pods each service has, with storage.engine postgres.
	// Without: one.
	// +optional
	Scaling *Scaling `json:"scaling,omitempty"`

	// Services overrides settings of single services.
	// +optional
	Services Services `json:"services,omitempty"`

	// Gateway in front of the services.
	// +optional
	// +kubebuilder:default={}
	Gateway Gateway `json:"gateway,omitempty"`

	// DNS records, made by external-dns.
	// +optional
	DNS DNS `json:"dns,omitempty"`

	// Backup of all databases on a schedule.
	// +optional
	Backup *Backup `json:"backup,omitempty"`

	// Restore fills volumes that are empty from a backup before the services start.
	// A volume that holds a database is left as it is.
	// +optional
	Restore *Restore `json:"restore,omitempty"`

	// Replica is a copy of every database elsewhere, a second or so behind, with which
	// empty volumes begin.
	// +optional
	Replica *Replica `json:"replica,omitempty"`

	// Monitoring by the Prometheus operator and Grafana.
	// +optional
	Monitoring Monitoring `json:"monitoring,omitempty"`

	// Orchestrator answers questions with a language model, at orchestrator.<domain>,
	// for those who have a key of the gateway. Without: there is none.
	// +optional
	Orchestrator *Orchestrator `json:"orchestrator,omitempty"`
}

// Images says where images come from.
type Images struct {
	// Registry of all FountainAI images, such as registry.example.org/team, without https://.
	// +optional
	// +kubebuilder:validation:Pattern=`^([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*/?)?$`
	Registry string `json:"registry,omitempty"`
	// PullSecrets names Secrets for the registry.
	// +optional
	// +kubebuilder:validation:MaxItems=16
	PullSecrets []corev1.LocalObjectReference `json:"pullSecrets,omitempty"`
}

// Services overrides settings of single services.
type Services struct {
	// CentralSequence gives numbers and keeps versions.
	// +optional
	CentralSequence *Service `json:"centralsequence,omitempty"`
	// Character keeps characters, actions, spoken words and paraphrases.
	// +optional
	Character *Service `json:"character,omitempty"`
	// ScriptManagement keeps scripts, sections and transitions.
	// +optional
	ScriptManagement *Service `json:"scriptmanagement,omitempty"`
	// SessionContext keeps sessions and contexts.
	// +optional
	SessionContext *Service `json:"sessioncontext,omitempty"`
	// StoryFactory puts the story together.
	// +optional
	StoryFactory *Service `json:"storyfactory,omitempty"`
}

// Service overrides settings of one service.
type Service struct {
	// Image in place of the stack's.
	// +optional
	Image *Image `json:"image,omitempty"`
	// Resources of the container.
	// +optional
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
	// Size of the volume, in place of the stack's.
	// +optional
	// +kubebuilder:validation:XValidation:rule="quantity(self).compareTo(quantity(oldSelf)) >= 0",message="a volume cannot shrink: back up, make a new stack with the smaller size and restore"
	Size *resource.Quantity `json:"size,omitempty"`
	// LogLevel is the least level that is logged.
	// +optional
	// +kubebuilder:validation:Enum=debug;info;warn;error
	LogLevel string `json:"logLevel,omitempty"`
	// NodeSelector of the pod.
	// +optional
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`
	// Tolerations of the pod.
	// +optional
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`
	// PriorityClassName of the pod.
	// +optional
	PriorityClassName string `json:"priorityClassName,omitempty"`
	// PodAnnotations are added to those of the pod.
	// +optional
	PodAnnotations map[string]string `json:"podAnnotations,omitempty"`
	// Env adds variables to the container's.
	// +optional
	// +listType=map
	// +listMapKey=name
	Env []corev1.EnvVar `json:"env,omitempty"`
}

// Image of a container.
// +kubebuilder:validation:XValidation:rule="has(self.repository) || has(self.tag) || has(self.digest)",message="name a repository, a tag or a digest"
type Image struct {
	// Repository without registry and tag.
	// +optional
	Repository string `json:"repository,omitempty"`
	// Tag of the image.
	// +optional
	Tag string `json:"tag,omitempty"`
	// Digest takes the place of the tag.
	// +optional
	// +kubebuilder:validation:Pattern=`^sha256:[0-9a-f]{64}$`
	Digest string `json:"digest,omitempty"`
}

// GatewayMode says who stands in front of the services.
// +kubebuilder:validation:Enum=ingress;dbless;none
type GatewayMode string

// Gateway in front of the services.
// +kubebuilder:validation:XValidation:rule="!has(self.replicas) || self.mode == 'dbless'",message="replicas are for the mode dbless; in the others Kong is not part of the stack"
type Gateway struct {
	// Mode: ingress is the Kong Ingress Controller, dbless is Kong in the stack, none is a gateway of your own.
	// +optional
	// +kubebuilder:default=ingress
	Mode GatewayMode `json:"mode,omitempty"`
	// IngressClassName of the Kong Ingress Controller.
	// +optional
	// +kubebuilder:default=kong
	IngressClassName string `json:"ingressClassName,omitempty"`
	// ControllerNamespace is where Kong runs, which the network policies admit.
	// +optional
	// +kubebuilder:default=kong
	ControllerNamespace string `json:"controllerNamespace,omitempty"`
	// Engine of the mode dbless: kong, or embedded, the gateway of the fountain image, for tests.
	// +optional
	// +kubebuilder:validation:Enum=kong;embedded
	Engine string `json:"engine,omitempty"`
	// Replicas of Kong in the mode dbless. Rate limits are counted in each.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	Replicas *int32 `json:"replicas,omitempty"`
	// ServiceType of the gateway in the mode dbless.
	// +optional
	// +kubebuilder:validation:Enum=ClusterIP;NodePort;LoadBalancer
	ServiceType corev1.ServiceType `json:"serviceType,omitempty"`
	// Annotations of the Ingresses, or of the gateway's Service in the mode dbless.
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
	// Resources of the gateway's container in the mode dbless.
	// +optional
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
	// CORSOrigins are the origins whose pages may call the services. Empty: all.
	// +optional
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	CORSOrigins []string `json:"corsOrigins,omitempty"`
	// Keys of those who may come in. Without them the operator makes keys once and keeps them.
	// +optional
	Keys Keys `json:"keys,omitempty"`
	// RateLimit of requests.
	// +optional
	RateLimit RateLimit `json:"rateLimit,omitempty"`
	// TLS of the gateway. Without it, plain HTTP.
	// +optional
	TLS *TLS `json:"tls,omitempty"`
}

// Keys names Secrets that hold API keys under the key "key" (and, in the mode
// ingress, bear the label konghq.com/credential: key-auth).
// +kubebuilder:validation:XValidation:rule="(!has(self.additionalWriters) || self.additionalWriters.all(s, size(s.name) > 0)) && (!has(self.additionalReaders) || self.additionalReaders.all(s, size(s.name) > 0))",message="give each additional Secret a name"
type Keys struct {
	// Writer may read and write.
	// +optional
	Writer *corev1.LocalObjectReference `json:"writer,omitempty"`
	// Reader may only read.
	// +optional
	Reader *corev1.LocalObjectReference `json:"reader,omitempty"`
	// AdditionalWriters are accepted as well, while clients move from one key to another.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=8
	AdditionalWriters []corev1.LocalObjectReference `json:"additionalWriters,omitempty"`
	// AdditionalReaders are the same for keys that may only read.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=8
	AdditionalReaders []corev1.LocalObjectReference `json:"additionalReaders,omitempty"`
}

// RateLimit of requests, counted in each pod of Kong.
type RateLimit struct {
	// PerMinute for each consumer over all services. 0: 6000.
	// +optional
	// +kubebuilder:validation:Minimum=0
	PerMinute int32 `json:"perMinute,omitempty"`
	// DocsPerMinute for each address, for the documentation. 0: 600.
	// +optional
	// +kubebuilder:validation:Minimum=0
	DocsPerMinute int32 `json:"docsPerMinute,omitempty"`
}

// TLS of the gateway.
// +kubebuilder:validation:XValidation:rule="(has(self.secretName) ? 1 : 0) + (has(self.issuerRef) ? 1 : 0) == 1",message="name either a Secret with the certificate (secretName) or an issuer of cert-manager (issuerRef)"
type TLS struct {
	// SecretName of a certificate for all hosts.
	// +optional
	// +kubebuilder:validation:MinLength=1
	SecretName string `json:"secretName,omitempty"`
	// IssuerRef lets cert-manager make the certificates.
	// +optional
	IssuerRef *IssuerRef `json:"issuerRef,omitempty"`
}

// IssuerRef names an issuer of cert-manager.
type IssuerRef struct {
	// Name of the issuer.
	// +kubebuilder:validation:MinLength=1
	Name string `json:"name"`
	// Kind of the issuer.
	// +optional
	// +kubebuilder:validation:Enum=ClusterIssuer;Issuer
	// +kubebuilder:default=ClusterIssuer
	Kind string `json:"kind,omitempty"`
}

// DNS records of the five hosts.
type DNS struct {
	// Enabled lets external-dns make them.
	// +optional
	Enabled bool `json:"enabled,omitempty"`
	// TTL in seconds. 0: the provider's default.
	// +optional
	// +kubebuilder:validation:Minimum=0
	TTL int32 `json:"ttl,omitempty"`
	// Target in place of the load balancer's address.
	// +optional
	Target string `json:"target,omitempty"`
}

// Monitoring by the Prometheus operator and Grafana.
type Monitoring struct {
	// ServiceMonitors lets Prometheus ask for metrics.
	// +optional
	ServiceMonitors bool `json:"serviceMonitors,omitempty"`
	// Rules makes the project's alerts.
	// +optional
	Rules bool `json:"rules,omitempty"`
	// Dashboards makes a ConfigMap of each Grafana dashboard.
	// +optional
	Dashboards bool `json:"dashboards,omitempty"`
	// Labels by which the Prometheus operator selects its objects.
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
	// Namespace of Prometheus, which the network policies admit. Empty: monitoring.
	// +optional
	Namespace string `json:"namespace,omitempty"`
}

// Conditions of a stack.
const (
	// ConditionReady is true when all services and the gateway are ready.
	ConditionReady = "Ready"
	// ConditionProgressing is true while something is on its way: a new stack, a change, an upgrade.
	ConditionProgressing = "Progressing"
	// ConditionDegraded is true when something is wrong that will not mend by waiting. Its message says what to do.
	ConditionDegraded = "Degraded"
)

// Reasons of conditions.
const (
	ReasonReady          = "Ready"
	ReasonApplying       = "Applying"
	ReasonWaiting        = "WaitingForPods"
	ReasonUpgrading      = "Upgrading"
	ReasonSuspended      = "Suspended"
	ReasonDeleting       = "Deleting"
	ReasonInvalid        = "InvalidSpec"
	ReasonRefused        = "Refused"
	ReasonImage          = "ImageCannotBePulled"
	ReasonCrashing       = "Crashing"
	ReasonVolume         = "VolumePending"
	ReasonUnschedulable  = "Unschedulable"
	ReasonNoAddress      = "NoAddress"
	ReasonSecretMissing  = "SecretMissing"
	ReasonKindMissing    = "KindMissing"
	ReasonUpgradeStopped = "UpgradeStopped"
)

// FountainStackStatus is what a stack is.
type FountainStackStatus struct {
	// ObservedGeneration is the generation of the spec that the status tells of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Conditions: Ready, Progressing, Degraded.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// Ready services, such as 4/5.
	// +optional
	Ready string `json:"ready,omitempty"`
	// Version that all services run.
	// +optional
	Version string `json:"version,omitempty"`
	// OperatorVersion is the tag of the images of stacks that name no version.
	// +optional
	OperatorVersion string `json:"operatorVersion,omitempty"`
	// Services, one by one.
	// +optional
	// +listType=map
	// +listMapKey=name
	Services []ServiceStatus `json:"services,omitempty"`
	// Inventory of what the operator applied, by which it finds what is no longer wanted.
	// +optional
	Inventory []InventoryItem `json:"inventory,omitempty"`
}

// ServiceStatus is what one service is.
type ServiceStatus struct {
	// Name of the service.
	Name string `json:"name"`
	// Ready: its pod is the latest and ready.
	Ready bool `json:"ready"`
	// URL at which the gateway finds it.
	// +optional
	URL string `json:"url,omitempty"`
	// Image that it runs, or will.
	// +optional
	Image string `json:"image,omitempty"`
	// Message says why it is not ready.
	// +optional
	Message string `json:"message,omitempty"`
}

// InventoryItem is an object that the operator applied.
type InventoryItem struct {
	// Group of the kind; empty: Kubernetes' own.
	// +optional
	Group string `json:"group,omitempty"`
	// Version of the kind.
	Version string `json:"version"`
	// Kind of the object.
	Kind string `json:"kind"`
	// Name of the object; its namespace is the stack's.
	Name string `json:"name"`
	// Hash of what was applied.
	Hash string `json:"hash"`
	// Retain: the object stays when it is no longer wanted or the stack is deleted.
	// +optional
	Retain bool `json:"retain,omitempty"`
}
