// What the gateway answers by itself.

package gateway

import "net/http"

// refusal is an error answer of the gateway: Kong's words in message, ours on
// what to do about it in detail.
type refusal struct {
	status  int
	code    string
	message string
	detail  string
}

var (
	errNoRoute = refusal{http.StatusNotFound, "no_route", "no Route matched with those values",
		"No service is known under this host. Call a service by its own name, as character.localhost or character.fountain.coach."}
	errMethod = refusal{http.StatusMethodNotAllowed, "method_not_allowed", "Method not allowed",
		"The gateway takes neither CONNECT nor TRACE."}
	errPlainHTTP = refusal{http.StatusUpgradeRequired, "https_required", "Please use HTTPS protocol",
		"This is served over HTTPS alone. Call it as https://."}
	errNoKey = refusal{http.StatusUnauthorized, "missing_api_key", "No API key found in request",
		"Send your API key in the X-API-Key header. In the URL or the body it is not looked at."}
	errTwoKeys = refusal{http.StatusUnauthorized, "duplicate_api_key", "Duplicate API key found",
		"Send the API key header once."}
	errWrongKey = refusal{http.StatusUnauthorized, "invalid_api_key", "Unauthorized",
		"The gateway does not know this API key. Check it, or ask whoever runs FountainAI for a key."}
	errUnauthorized = refusal{http.StatusUnauthorized, "unauthorized", "Unauthorized",
		"This needs an API key in the X-API-Key header."}
	errForbidden = refusal{http.StatusForbidden, "forbidden", "You cannot consume this service",
		"Your API key is good, but not for this. Changes need the key of a writer."}
	errTooLarge = refusal{http.StatusRequestEntityTooLarge, "body_too_large", "Request size limit exceeded",
		"The body is larger than the gateway lets through. Send less at once, as in smaller batches."}
	errNoLength = refusal{http.StatusLengthRequired, "length_required", "A valid Content-Length header is required",
		"Send a Content-Length header."}
	errBadBody = refusal{http.StatusBadRequest, "bad_request", "Bad request",
		"The body broke off or is not framed as HTTP asks. Send the request again, whole."}
	errSlowBody = refusal{http.StatusRequestTimeout, "request_timeout", "Request timeout",
		"The body came too slowly. Send the request again, whole."}
	errBadGateway = refusal{http.StatusBadGateway, "bad_gateway", "An invalid response was received from the upstream server",
		"The service did not answer as it should. Try again; if it goes on, look into the log of the service."}
	errNoPeer = refusal{http.StatusServiceUnavailable, "service_unavailable", "failure to get a peer from the ring-balancer",
		"The service fails its health checks. Try again in a while; if it goes on, look into the log of the service."}
	errNoName = refusal{http.StatusServiceUnavailable, "service_unavailable", "name resolution failed",
		"The host of the service has no address. Check that the service runs and that kong.yml names it rightly."}
	errTimeout = refusal{http.StatusGatewayTimeout, "gateway_timeout", "The upstream server is timing out",
		"The service took too long. It may have done the work all the same: check before you repeat a change, or repeat it with an Idempotency-Key."}
	errFault = refusal{http.StatusInternalServerError, "internal_error", "An unexpected error occurred",
		"The fault is in the gateway, and its log tells more. Give the requestId when you report it."}
)
