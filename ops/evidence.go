package ops

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/evidence"
)

// Collections implements Service.
func (o *Operations) Collections(_ context.Context, req api.CollectionsRequest) (*api.Collections, error) {
	s, err := o.openForRead()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	out := &api.Collections{Slots: []api.Collection{}}
	for e, err := range s.Entries(0) {
		if err != nil {
			return nil, err
		}
		if e.Run != nil && strings.HasPrefix(e.Run.Stream.String(), req.Stream) {
			out.Slots = append(out.Slots, collectionOf(e))
		}
	}
	slices.Reverse(out.Slots)
	if req.Limit > 0 && len(out.Slots) > req.Limit {
		out.Slots = out.Slots[:req.Limit]
	}
	return out, nil
}

func collectionOf(e evidence.Entry) api.Collection {
	l := api.Collection{ID: e.Index, Stream: e.Run.Stream.String(), Due: e.Run.Due, Trigger: e.Run.Trigger, Outcome: e.Run.Outcome, Recorded: e.Recorded}
	if e.Run.Reason != nil {
		l.Reason = e.Run.Reason.String()
	}
	if e.Run.Certificate != nil {
		l.Rows = e.Run.Certificate.Rows
	}
	return l
}

// Entry implements Service.
func (o *Operations) Entry(_ context.Context, req api.EntryRequest) (*api.EntryDetail, error) {
	s, err := o.openForRead()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return entryDetail(s, req)
}

func entryDetail(s Store, req api.EntryRequest) (*api.EntryDetail, error) {
	d := &api.EntryDetail{}
	if n, err := s.Size(); err != nil || req.ID >= n {
		return nil, api.Errorf(api.NotFound, "there is no entry %d: the log has %d", req.ID, n)
	}
	for e, err := range s.Entries(req.ID) {
		if err != nil {
			return nil, err
		}
		d.Entry = e
		break
	}
	if d.Run == nil {
		return d, nil
	}
	var err error
	if ref := d.Run.Records; req.Records && ref != nil {
		d.Records, err = listed(s.Records(*ref))
	}
	if ref := d.Run.Exchanges; err == nil && req.Exchanges && ref != nil {
		d.Exchanges, err = listed(s.Exchanges(*ref))
	}
	return d, err
}

func listed[T any](seq func(func(T, error) bool)) (out []T, err error) {
	for v, err := range seq {
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// History implements Service.
func (o *Operations) History(_ context.Context, req api.HistoryRequest) (*api.History, error) {
	stream, err := evidence.ParseStream(req.Stream)
	if err != nil {
		return nil, api.AsUsage(err)
	}
	s, err := o.openForRead()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	out := &api.History{Stream: stream, Scope: req.Scope, ID: req.ID}
	var last *evidence.Record
	for st, err := range s.History(stream, req.Scope, req.ID) {
		if err != nil {
			return nil, err
		}
		out.States = append(out.States, api.ResourceState{Time: st.Run.Observed(), Entry: st.Entry, Gone: st.Record == nil, Record: st.Record, Changes: attributeChanges(last, st.Record)})
		last = st.Record
	}
	if len(out.States) == 0 {
		return nil, neverSeen(s, stream, req.ID)
	}
	return out, nil
}

// attributeChanges compares two states of one resource, attribute by attribute.
func attributeChanges(old, now *evidence.Record) []api.AttributeChange {
	out := []api.AttributeChange{}
	if old == nil || now == nil {
		return out
	}
	if old.Name != now.Name {
		out = append(out, api.AttributeChange{Attribute: "name", Old: old.Name, New: now.Name})
	}
	names := maps.Clone(old.Attributes)
	if names == nil {
		names = map[string]any{}
	}
	maps.Copy(names, now.Attributes)
	for _, n := range slices.Sorted(maps.Keys(names)) {
		before, now := old.Attributes[n], now.Attributes[n]
		if canonicalText(before) != canonicalText(now) {
			out = append(out, api.AttributeChange{Attribute: n, Old: before, New: now})
		}
	}
	return out
}

func canonicalText(v any) string {
	b, err := evidence.Canonical(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

// neverSeen says why there is no history: no such stream, or the record is in
// a scope of its own.
func neverSeen(s Store, stream evidence.Stream, id string) error {
	known := false
	var newest *evidence.Ref
	for r, err := range s.Runs() {
		if err != nil {
			return err
		}
		if r.Stream == stream {
			known = true
			if r.Records != nil {
				newest = r.Records
			}
		}
	}
	if !known {
		return api.Errorf(api.NotFound, "the log has no stream %s; `evidenced evidence list` shows those that it has", stream)
	}
	if newest != nil {
		for r, err := range s.Records(*newest) {
			if errors.Is(err, evidence.ErrErased) {
				break
			}
			if err != nil {
				return err
			}
			if r.ID == id && r.Scope != "" {
				return api.Errorf(api.NotFound, "%q is in a scope of its own: add --scope %s", id, r.Scope)
			}
		}
	}
	return api.Errorf(api.NotFound, "no snapshot of %s shows %q", stream, id)
}

// EvidenceFile implements Service.
func (o *Operations) EvidenceFile(_ context.Context, req api.EvidenceFileRequest, w io.Writer) (*api.FileCopied, error) {
	s, err := o.openForRead()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	d, err := entryDetail(s, api.EntryRequest{ID: req.ID})
	if err != nil {
		return nil, err
	}
	var u evidence.Upload
	if d.Type != evidence.EntryUpload {
		return nil, api.Errorf(api.Usage, "entry %d is of type %s and has no files: `evidenced evidence list --manual` lists those that have", req.ID, d.Type)
	}
	if err := d.DecodeBody(evidence.EntryUpload, &u); err != nil {
		return nil, err
	}
	i := slices.IndexFunc(u.Files, func(f evidence.UploadFile) bool { return f.Name == req.Name })
	if i < 0 {
		var names []string
		for _, f := range u.Files {
			names = append(names, f.Name)
		}
		return nil, api.Errorf(api.Usage, "entry %d has no file %q: it has %s", req.ID, req.Name, orNone(names))
	}
	r, err := s.Blob(u.Files[i].Hash)
	if err != nil {
		return nil, err
	}
	n, err := io.Copy(w, r)
	return &api.FileCopied{Bytes: n, SHA256: u.Files[i].Hash}, errors.Join(err, r.Close())
}
