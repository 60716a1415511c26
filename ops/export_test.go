package ops

import (
	"context"
	"io"
	"time"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/gap/result"
)

// WriteJudged writes a bundle whose result was altered.
func WriteJudged(ctx context.Context, w io.Writer, b Bundled, asOf time.Time, alter func(*result.Result)) (*api.Exported, error) {
	return writeBundle(ctx, w, b, asOf, alter, nil)
}
