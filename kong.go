// Package fountainai holds what the fountain command needs from the top of the
// repository.
package fountainai

import _ "embed"

// KongConfig is kong.yml: the gateway that `fountain up` runs unless told
// otherwise, and the reference for every deployment.
//
//go:embed kong.yml
var KongConfig []byte
