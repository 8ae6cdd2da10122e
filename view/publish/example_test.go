package publish_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"rollcall/view/publish"
)

// A checkpoint library maps the view once and asks before every step, at the price of a few
// loads from memory.
func ExampleReader() {
	r, err := publish.Open("") // beside the API's default socket
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	defer r.Close()
	switch {
	case r.Retired():
		if err := r.Reopen(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	case !r.Valid():
		fmt.Println("this node may be cut off: write nothing that others share")
	case !r.Has("cn017"):
		fmt.Println("cn017 was gone by epoch", r.Epoch())
	}
}

// A script's view of the cluster, once and then at every change.
func ExampleClient() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for d, err := range publish.NewClient("").Watch(ctx) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return
		}
		if err := publish.Table(os.Stdout, d); err != nil {
			return
		}
	}
}
