// Kong's default values: what a field is when kong.yml does not name it.

package gateway

func (s *Service) setDefaults() {
	*s = Service{
		Port:           80,
		Protocol:       "http",
		ConnectTimeout: 60000,
		WriteTimeout:   60000,
		ReadTimeout:    60000,
		Retries:        5,
	}
}

func (r *Route) setDefaults() {
	*r = Route{Protocols: []string{"http", "https"}, StripPath: true, ResponseBuffering: true, HTTPSRedirectStatusCode: 426}
}

func (u *Upstream) setDefaults() {
	*u = Upstream{Algorithm: "round-robin"}
	u.Healthchecks.Active.setDefaults()
}

func (a *ActiveHealthcheck) setDefaults() {
	*a = ActiveHealthcheck{
		Type:        "http",
		HTTPPath:    "/",
		Timeout:     1,
		Concurrency: 10,
		Healthy:     HealthyProbes{HTTPStatuses: []int{200, 302}},
		Unhealthy: UnhealthyProbes{
			HTTPStatuses: []int{429, 404, 500, 501, 502, 503, 504, 505},
		},
	}
}

func (p *Plugin) setDefaults() { *p = Plugin{Enabled: true} }

func (s *keyAuthSettings) setDefaults() {
	*s = keyAuthSettings{
		KeyNames:       []string{"apikey"},
		KeyInHeader:    true,
		KeyInQuery:     true,
		RunOnPreflight: true,
	}
}

func (s *aclSettings) setDefaults() { *s = aclSettings{} }

func (s *rateLimitingSettings) setDefaults() {
	*s = rateLimitingSettings{
		LimitBy:       "consumer",
		Policy:        "local",
		FaultTolerant: true,
		ErrorCode:     429,
		ErrorMessage:  "API rate limit exceeded",
	}
}

func (s *requestSizeLimitingSettings) setDefaults() {
	*s = requestSizeLimitingSettings{AllowedPayloadSize: 128, SizeUnit: "megabytes"}
}

func (s *correlationIDSettings) setDefaults() {
	*s = correlationIDSettings{HeaderName: "Kong-Request-ID", Generator: "uuid#counter"}
}

func (s *corsSettings) setDefaults() {
	*s = corsSettings{Methods: []string{
		"GET", "HEAD", "PUT", "PATCH", "POST", "DELETE", "OPTIONS", "TRACE", "CONNECT",
	}}
}

func (s *prometheusSettings) setDefaults() { *s = prometheusSettings{} }

func (s *fileLogSettings) setDefaults() { *s = fileLogSettings{} }
