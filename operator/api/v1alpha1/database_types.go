package v1alpha1

import corev1 "k8s.io/api/core/v1"

// Database is a PostgreSQL server that keeps the data of all services, each in
// a schema of its own.
type Database struct {
	// Secret with the server's URL, as postgres://user:password@host/database?sslmode=verify-full.
	Secret corev1.LocalObjectReference `json:"secret"`
	// Key of the URL in the Secret; {service} stands for each service's name, where
	// each has a URL of its own.
	// +optional
	// +kubebuilder:default=url
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9._{}-]+$`
	Key string `json:"key,omitempty"`
	// Port of the server, which the NetworkPolicies let through.
	// +optional
	// +kubebuilder:default=5432
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`
}

// Scaling says how many pods each service has.
// +kubebuilder:validation:XValidation:rule="!has(self.maxReplicas) || self.maxReplicas >= self.replicas",message="maxReplicas must be at least replicas"
type Scaling struct {
	// Replicas of each service; with maxReplicas the fewest.
	// +optional
	// +kubebuilder:default=2
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	Replicas *int32 `json:"replicas,omitempty"`
	// MaxReplicas lets a HorizontalPodAutoscaler choose how many, up to this.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	MaxReplicas int32 `json:"maxReplicas,omitempty"`
	// CPUPercent is what the autoscaler aims at, in percent of the CPU that the pods request.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	CPUPercent int32 `json:"cpuPercent,omitempty"`
}
