package ops

import (
	"context"
	"fmt"
	"os"

	"github.com/evidenced/evidenced/anchor"
	"github.com/evidenced/evidenced/anchor/s3"
	"github.com/evidenced/evidenced/anchor/timestamp"
	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
)

func needsAnchors(c *config.Config) error {
	if len(c.Anchors) == 0 {
		return &config.Error{File: c.Path, Message: "it names no anchors: see docs/anchors.md"}
	}
	return nil
}

// ShowAnchors shows the newest checkpoint to every configured anchor that has
// not seen it, and writes down in the log what came of it.
func ShowAnchors(ctx context.Context, c *config.Config, log anchor.Log) ([]evidence.Anchor, error) {
	var places []anchor.Place
	for _, an := range c.Anchors {
		p, err := placeOf(ctx, an, log)
		if err != nil {
			return nil, err
		}
		places = append(places, p)
	}
	if len(places) == 0 {
		return nil, nil
	}
	return anchor.Run(ctx, log, places)
}

// placeOf returns the place that the configuration names.
func placeOf(ctx context.Context, an config.Anchor, log anchor.Log) (anchor.Place, error) {
	switch {
	case an.Git != nil:
		return anchor.NewGit(an.Name, an.Git.Repository, an.Git.Branch)
	case an.S3 != nil:
		b := an.S3
		return s3.New(ctx, s3.Bucket{Name: an.Name, Bucket: b.Bucket, Prefix: b.Prefix, Region: b.Region, Endpoint: b.Endpoint, Mode: b.Mode, Retain: b.Retain})
	case an.Timestamp != nil:
		pem, err := os.ReadFile(an.Timestamp.CA)
		if err != nil {
			return nil, fmt.Errorf("anchor %s: %w", an.Name, err)
		}
		roots, err := timestamp.Roots(pem)
		if err != nil {
			return nil, fmt.Errorf("anchor %s: %s: %w", an.Name, an.Timestamp.CA, err)
		}
		return anchor.NewTimestamp(an.Name, an.Timestamp.URL, roots), nil
	case an.Witness != nil:
		return anchor.NewWitness(an.Name, an.Witness.URL, an.Witness.Key, log)
	}
	return anchor.NewFolder(an.Name, an.Folder), nil
}

// AnchorType returns of what type a configured anchor is.
func AnchorType(a config.Anchor) evidence.AnchorType {
	switch {
	case a.Git != nil:
		return evidence.AnchorGit
	case a.S3 != nil:
		return evidence.AnchorS3
	case a.Timestamp != nil:
		return evidence.AnchorTimestamp
	case a.Witness != nil:
		return evidence.AnchorWitness
	}
	return evidence.AnchorFolder
}
