// Command empty is the yardstick of the benchmark: a gorilla/mux handler that
// answers a constant JSON body and does nothing else.
package main

import (
	"log"
	"net/http"
	"os"

	"github.com/gorilla/mux"
)

func main() {
	router := mux.NewRouter()
	answer := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(`{"sequenceNumber":1}`))
		}
	}
	for _, path := range []string{"/sequence", "/characters"} {
		router.HandleFunc(path, answer(http.StatusCreated)).Methods(http.MethodPost)
		router.HandleFunc(path, answer(http.StatusOK)).Methods(http.MethodGet)
	}
	router.HandleFunc("/healthz", answer(http.StatusOK))
	log.Fatal(http.ListenAndServe(os.Args[1], router))
}
