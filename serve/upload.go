package serve

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/ops"
)

// Bounds of one upload: of all its files, in bytes, and how many they are.
const (
	maxUpload = 2 << 30
	maxFiles  = 100
)

// upload adds evidence: a multipart body whose first part, request, is the JSON
// of an api.AddEvidenceRequest, and whose other parts are the files. They are
// kept in temporary files until all of them are there.
func (l *Local) upload(w http.ResponseWriter, r *http.Request) {
	parts, err := r.MultipartReader()
	if err != nil {
		fail(w, api.Errorf(api.Usage, "want a multipart body: %w", err))
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxUpload)
	var req api.AddEvidenceRequest
	arrived := within(w, uploadTimeout)
	files, remove, err := readUpload(parts, &req)
	arrived()
	defer remove()
	if err != nil {
		fail(w, err)
		return
	}
	a, err := actorOf(r.Context())
	if err != nil {
		fail(w, err)
		return
	}
	req.SetActor(a)
	s, err := l.Service(r.Context(), r.Header.Get(ConfigHeader))
	if err != nil {
		fail(w, err)
		return
	}
	answer, err := s.AddEvidence(r.Context(), req, files)
	if err != nil {
		fail(w, err)
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

// readUpload reads the parts; remove takes the temporary files away.
func readUpload(parts *multipart.Reader, req *api.AddEvidenceRequest) (files []api.File, remove func(), err error) {
	var temporary []string
	remove = func() {
		for _, path := range temporary {
			_ = os.Remove(path) // what is left there is of no use to anybody
		}
	}
	for n := 0; ; n++ {
		p, err := parts.NextPart()
		switch {
		case errors.Is(err, io.EOF) && n > 0:
			return files, remove, nil
		case err != nil:
			return nil, remove, api.Errorf(api.Usage, "read the upload: %w", err)
		case n > maxFiles:
			return nil, remove, api.Errorf(api.Usage, "an upload has at most %d files", maxFiles)
		case n == 0:
			err = decodePart(p, req)
		default:
			var path string
			if path, err = keepPart(p); path != "" {
				temporary = append(temporary, path)
				files = append(files, api.File{Name: p.FileName(), Open: func() (io.ReadCloser, error) { return os.Open(path) }})
			}
		}
		if err != nil {
			return nil, remove, err
		}
	}
}

// maxUploadRequest bounds the JSON part of an upload, in bytes.
const maxUploadRequest = 1 << 20

func decodePart(p *multipart.Part, req *api.AddEvidenceRequest) error {
	if p.FormName() != "request" {
		return api.Errorf(api.Usage, "the first part of an upload is the request")
	}
	d := json.NewDecoder(io.LimitReader(p, maxUploadRequest))
	d.DisallowUnknownFields()
	if err := d.Decode(req); err != nil {
		return api.Errorf(api.Usage, "read the request: %w", err)
	}
	return nil
}

// keepPart copies a file of an upload to a temporary one.
func keepPart(p *multipart.Part) (path string, err error) {
	f, err := os.CreateTemp("", "evidenced-upload-*")
	if err != nil {
		return "", fmt.Errorf("keep an uploaded file: %w", err)
	}
	n, err := io.Copy(f, io.LimitReader(p, ops.MaxEvidence+1))
	if err == nil && n > ops.MaxEvidence {
		err = api.Errorf(api.Usage, "%s has more than the %d bytes that are kept of one file: split it, or keep it elsewhere and upload its SHA-256", p.FileName(), int64(ops.MaxEvidence))
	}
	return f.Name(), errors.Join(err, f.Close())
}

// multipartBody writes a request and its files as they are read.
func multipartBody(req any, files []api.File, w *multipart.Writer) error {
	part, err := w.CreateFormField("request")
	if err != nil {
		return err
	}
	if err := json.NewEncoder(part).Encode(req); err != nil {
		return err
	}
	for _, f := range files {
		if err := copyFile(w, f); err != nil {
			return fmt.Errorf("read %s: %w", f.Name, err)
		}
	}
	return w.Close()
}

func copyFile(w *multipart.Writer, f api.File) error {
	part, err := w.CreateFormFile("file", f.Name)
	if err != nil {
		return err
	}
	r, err := f.Open()
	if err != nil {
		return err
	}
	_, err = io.Copy(part, r)
	return errors.Join(err, r.Close())
}
