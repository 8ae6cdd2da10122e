package torture

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"rollcall/cmd/rollcall-lab/cluster"
)

// restarts is how often daemons are restarted at most, and must be within a minute.
const restarts = 100

// restartsDone counts them.
const restartsDone = "restarts"

// demanded is how many restarts there must be in a scenario that lasts so long: all in a minute, and
// in less their part of the time that is left when the first daemons are back.
func demanded(during time.Duration) int {
	const first = 3 * time.Second // on a busy machine
	return max(1, int(restarts*(min(during, time.Minute)-first)/(time.Minute-first)))
}

// restarted restarts daemons in a row, several at once, each in order and as after a crash by turns.
// What comes back in order is another build, where there is one.
func restarted(ctx context.Context, f *field) error {
	const atOnce = 3
	names, err := f.members(ctx, len(f.cluster.Names())-victims-1)
	if err != nil {
		return err
	}
	own := len(names) / atOnce // that nobody else restarts
	demand := demanded(f.plan.During)
	var wg sync.WaitGroup
	errs := make([]error, atOnce)
	for w := range atOnce {
		wg.Go(func() {
			for i := 0; i*atOnce+w < restarts; i++ {
				again := f.crashed
				if (i%own+i/own)%2 == 0 {
					again = f.upgraded
				}
				err := again(ctx, names[w*own+i%own])
				if ctx.Err() != nil {
					return
				}
				if err != nil {
					errs[w] = err
					return
				}
				f.note(restartsDone, 1)
			}
		})
	}
	wg.Wait()
	<-ctx.Done()
	if n := f.counters[restartsDone]; n < demand {
		errs = append(errs, fmt.Errorf("%d daemons restarted, demanded are %d", n, demand))
	}
	return errors.Join(errs...)
}

// crashed restarts a node's daemon as after a crash.
func (f *field) crashed(ctx context.Context, name string) error {
	return f.restart(ctx, syscall.SIGKILL, name)
}

// upgraded restarts a node's daemon in order, as the build that it was not, if there are two.
func (f *field) upgraded(ctx context.Context, name string) error {
	if f.plan.Upgrade == "" {
		return f.restart(ctx, syscall.SIGTERM, name)
	}
	n, err := f.cluster.Node(name)
	if err != nil {
		return err
	}
	before, err := n.Client().Status(ctx)
	if err != nil {
		return err
	}
	build := f.plan.Upgrade
	if n.Build() == build {
		build = f.cluster.Options().Daemon
	}
	n.Install(build)
	if err := f.restart(ctx, syscall.SIGTERM, name); err != nil {
		return err
	}
	after, err := n.Client().Status(ctx)
	if err != nil {
		return err
	}
	if after.Version == before.Version {
		return fmt.Errorf("%s runs version %s still, after its upgrade to %s", name, after.Version, build)
	}
	f.note("upgrades", 1)
	return nil
}

// upgrade is the absolute path of the other build, or says why it cannot be used.
func upgrade(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("find the build to upgrade to: %w; build it with: make torture", err)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("find the build to upgrade to: %w", err)
	}
	return path, nil
}

// restart ends a node's daemon by a signal, starts it again, and waits until it has a valid view.
func (f *field) restart(ctx context.Context, s syscall.Signal, name string) error {
	until := func(what string, ok func(cluster.Sight) bool) error {
		return f.watch.UntilAll(ctx, name+what, nil, func(map[string]cluster.Sight) bool { return ok(f.watch.Sight(name)) })
	}
	if err := f.cluster.End(s, name); err != nil {
		return err
	}
	f.peers.end(s, name)
	if err := f.peers.start(name); err != nil {
		return err
	}
	if err := until(" has ended", func(s cluster.Sight) bool { return s.View == nil && s.Err != nil }); err != nil {
		return err
	}
	if err := f.cluster.Start(name); err != nil {
		return err
	}
	return until(" is up again", func(s cluster.Sight) bool { return s.View != nil && s.View.Valid })
}
