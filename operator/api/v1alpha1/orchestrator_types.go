package v1alpha1

import corev1 "k8s.io/api/core/v1"

// Orchestrator answers questions with a language model. What it may do for whoever
// asks is what their key of the gateway allows.
// +kubebuilder:validation:XValidation:rule="has(self.keySecret) || has(self.baseURL)",message="name a Secret with the key of the model (keySecret), or an endpoint that asks for none (baseURL)"
type Orchestrator struct {
	// Model to ask. Empty: the program's default.
	// +optional
	// +kubebuilder:validation:Pattern=`^[^ ]*$`
	// +kubebuilder:validation:MaxLength=200
	Model string `json:"model,omitempty"`
	// BaseURL of an OpenAI-compatible endpoint, such as http://vllm.models:8000/v1. Empty: OpenAI.
	// +optional
	// +kubebuilder:validation:Pattern=`^https?://[^ ]+$`
	BaseURL string `json:"baseURL,omitempty"`
	// Loose is for endpoints that do not know strict functions.
	// +optional
	Loose bool `json:"loose,omitempty"`
	// KeySecret holds the key of the model as OPENAI_API_KEY. Without: the endpoint asks for none.
	// +optional
	KeySecret *corev1.LocalObjectReference `json:"keySecret,omitempty"`
	// CASecret holds ca.crt, if the gateway's certificate is of an authority of your own.
	// +optional
	CASecret *corev1.LocalObjectReference `json:"caSecret,omitempty"`
	// Replicas of the orchestrator. Without: 1.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	Replicas *int32 `json:"replicas,omitempty"`
	// Resources of the container.
	// +optional
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
	// GatewayAddress is the host and port of the gateway inside the cluster. Empty: that of the
	// Ingress Controller's chart (kong-gateway-proxy) or of the stack's own gateway; in the mode
	// none, the hosts themselves.
	// +optional
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?:[0-9]{1,5}$`
	GatewayAddress string `json:"gatewayAddress,omitempty"`
}
