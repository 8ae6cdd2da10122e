package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"rollcall/cmd/internal/key"
	"rollcall/control"
	"rollcall/dataplane"
)

// withdrawal is how long a key that left the file is still taken. The leader turns to a key
// because all members told that they hold it; one that takes it back must first be heard.
const withdrawal = 10 * time.Second

// keyring has the plane and the agent's calls follow the key file. A file that cannot be
// followed is refused as a whole, and everything stays as it was.
type keyring struct {
	file     string
	log      zerolog.Logger
	register func() control.Register
	plane    func(context.Context, *dataplane.Keys) error // replaces the keys of frames
	calls    func(key.Ring) error                         // replaces the keys of calls
	wait     time.Duration                                // withdrawal

	mu    sync.Mutex
	held  key.Ring // taken now: those of the file, then those that are being withdrawn
	reads int      // how often the file was followed
}

// reload reads the file again and follows it.
func (k *keyring) reload(ctx context.Context) error {
	ring, err := key.Load(k.file)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	held := slices.Clone(ring)
	if k.register().State != control.RegisterVacant { // else nobody relies on what it holds
		for _, old := range k.held {
			if !slices.Contains(ring, old) {
				held = append(held, old)
			}
		}
	}
	frames, err := held.Frames()
	if err != nil {
		return fmt.Errorf("%s: %w; replace one key at a time, and wait %v between", k.file, err, k.wait)
	}
	told, err := ring.Frames()
	if err != nil {
		return err
	}
	frames.IDs, frames.First, frames.Newest = told.IDs, told.First, told.Newest
	if err := k.use(ctx, held, frames); err != nil {
		return err
	}
	k.reads++
	if reads := k.reads; len(held) > len(ring) {
		time.AfterFunc(k.wait, func() { k.withdraw(ctx, ring, told, reads) })
	}
	k.log.Info().Strs("keys", ring.IDs()).Msg("key file read")
	return nil
}

// withdraw drops the keys that are not in the ring, unless the file was read again meanwhile.
func (k *keyring) withdraw(ctx context.Context, ring key.Ring, frames *dataplane.Keys, reads int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.reads != reads {
		return
	}
	gone := k.held[len(ring):].IDs()
	if err := k.use(ctx, ring, frames); err != nil {
		if ctx.Err() == nil {
			k.log.Warn().Err(err).Strs("keys", gone).Msg("keys that left the key file are still taken")
		}
		return
	}
	k.log.Info().Strs("keys", gone).Msg("keys are no longer taken")
}

// use has all parts take the keys, or none.
func (k *keyring) use(ctx context.Context, ring key.Ring, frames *dataplane.Keys) error {
	both := slices.Concat(k.held, ring) // nobody is turned away on the way
	if err := k.calls(both); err != nil {
		return err
	}
	if err := k.plane(ctx, frames); err != nil {
		return errors.Join(fmt.Errorf("follow %s: %w", k.file, err), k.calls(k.held))
	}
	k.held = ring
	return k.calls(ring)
}

// follow reloads whenever the process gets SIGHUP, until ctx ends.
func (k *keyring) follow(ctx context.Context) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			if err := k.reload(ctx); err != nil {
				k.log.Error().Err(err).Msg("key file not followed")
			}
		}
	}
}

// signing is the id of the key that signs this node's frames, and of the one that is to sign next.
func signing(r *control.Register) (key, next string) {
	if r.Newest != r.Key {
		next = keyID(r.Keys[r.Newest%control.KeySlots])
	}
	return keyID(r.Keys[r.Key%control.KeySlots]), next
}

func keyID(id uint32) string {
	if id == 0 {
		return ""
	}
	return key.ID(id).String()
}

func keyIDs(ids *control.KeyIDs) []string {
	list := []string{}
	for _, id := range ids {
		if id != 0 {
			list = append(list, keyID(id))
		}
	}
	return list
}
