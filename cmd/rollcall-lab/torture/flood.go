package torture

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"rollcall/cmd/rollcall-lab/flood"
)

// flooded sends a node garbage, forged and replayed frames, by turns.
func flooded(target func(*field, context.Context) (string, error)) func(context.Context, *field) error {
	return func(ctx context.Context, f *field) error {
		to, err := target(f, ctx)
		if err != nil {
			return err
		}
		f.touch(to)
		from, err := f.member(ctx)
		if err != nil {
			return err
		}
		span := min(time.Second, f.plan.During/10)
		var errs []error
		floods := 0
		for ctx.Err() == nil {
			for _, kind := range flood.Kinds() {
				out, err := f.lab(ctx, "flood", to, kind, "--from", from, "--name", f.cluster.Options().Lab, "--for", span.String(), "-o", "json")
				if ctx.Err() != nil {
					break // it was ended before it could tell
				}
				var r flood.Result
				if err == nil {
					err = json.Unmarshal(out, &r)
				}
				if err != nil {
					return errors.Join(append(errs, err)...)
				}
				floods++
				f.note("frames sent", int(r.Sent))
				f.note("frames refused", int(r.Refused()))
				errs = append(errs, counted(kind, &r))
			}
		}
		if floods == 0 {
			errs = append(errs, errors.New("no flood lasted until its end"))
		}
		return errors.Join(errs...)
	}
}

// counted says what is wrong with a flood of which too little was sent, or counted as refused.
func counted(kind string, r *flood.Result) error {
	const nearly = 0.95 // a queue on the way may have been full
	if refused := r.Refused(); r.Sent == 0 || float64(refused) < nearly*float64(r.Sent) {
		return fmt.Errorf("%s: %d frames sent, %d refused: %v", kind, r.Sent, refused, r.Counted)
	}
	return nil
}
