package main

import "github.com/go-logr/logr"

// quiet swallows what the operator logs: the tests look at what it does.
var quiet = logr.Discard()
