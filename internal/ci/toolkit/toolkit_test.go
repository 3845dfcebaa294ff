package toolkit

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// client is an action of a job.
type client struct {
	t    *testing.T
	env  map[string]string
	kept []string
}

func start(t *testing.T) (*Server, *client, string) {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "artifacts")
	s, err := Start(folder, t.TempDir(), "7")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	c := &client{t: t}
	c.env, _, err = s.Job(func(name string) { c.kept = append(c.kept, name) })
	require.NoError(t, err)
	return s, c, folder
}

func (c *client) do(method, address, token, body string) (int, []byte) {
	c.t.Helper()
	request, err := http.NewRequestWithContext(c.t.Context(), method, address, strings.NewReader(body))
	require.NoError(c.t, err)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	require.NoError(c.t, err)
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	require.NoError(c.t, err)
	return response.StatusCode, content
}

// call calls a method of the artifacts' service.
func (c *client) call(method, body string) (int, map[string]any) {
	c.t.Helper()
	status, content := c.do(http.MethodPost, c.env["ACTIONS_RESULTS_URL"]+service[1:]+method, c.env["ACTIONS_RUNTIME_TOKEN"], body)
	var answer map[string]any
	require.NoError(c.t, json.Unmarshal(content, &answer), "%s", content)
	return status, answer
}

func archive(t *testing.T, files map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, content := range files {
		f, err := w.Create(name)
		require.NoError(t, err)
		_, err = f.Write([]byte(content))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.String()
}

// upload uploads an archive in two blocks, the second one first.
func (c *client) upload(name, content string) (int, map[string]any) {
	c.t.Helper()
	status, answer := c.call("CreateArtifact", `{"workflow_run_backend_id":"7","workflow_job_run_backend_id":"1","name":"`+name+`","version":4}`)
	require.Equal(c.t, http.StatusOK, status)
	address := answer["signed_upload_url"].(string)
	half := len(content) / 2
	for _, part := range []struct{ query, body string }{
		{"&comp=block&blockid=Yg==", content[half:]}, {"&comp=block&blockid=YQ==", content[:half]},
		{"&comp=blocklist", "<BlockList><Latest>YQ==</Latest><Latest>Yg==</Latest></BlockList>"},
	} {
		status, body := c.do(http.MethodPut, address+part.query, "", part.body)
		require.Equal(c.t, http.StatusCreated, status, "%s", body)
	}
	return c.call("FinalizeArtifact", `{"name":"`+name+`","size":"1"}`)
}

func TestArtifactsOfActionsAreThoseOfTheRun(t *testing.T) {
	_, c, folder := start(t)
	status, answer := c.upload("site", archive(t, map[string]string{"index.html": "hello", "css/a.css": "x"}))
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, number("site"), answer["artifact_id"])
	require.Equal(t, []string{"site"}, c.kept)
	content, err := os.ReadFile(filepath.Join(folder, "site", "index.html"))
	require.NoError(t, err)
	require.Equal(t, "hello", string(content))

	status, _ = c.call("CreateArtifact", `{"name":"site"}`)
	require.Equal(t, http.StatusConflict, status)

	// What a built-in upload left is found as well.
	require.NoError(t, os.MkdirAll(filepath.Join(folder, "built-in"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "built-in", "a.txt"), []byte("a"), 0o644))
	_, answer = c.call("ListArtifacts", `{"workflow_run_backend_id":"7"}`)
	require.Len(t, answer["artifacts"], 2)
	_, answer = c.call("ListArtifacts", `{"name_filter":"built-in"}`)
	require.Len(t, answer["artifacts"], 1)
	_, answer = c.call("GetSignedArtifactURL", `{"name":"built-in"}`)
	status, body := c.do(http.MethodGet, answer["signed_url"].(string), "", "")
	require.Equal(t, http.StatusOK, status)
	read, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	require.NoError(t, err)
	require.Equal(t, "a.txt", read.File[0].Name)

	status, _ = c.call("DeleteArtifact", `{"name":"built-in"}`)
	require.Equal(t, http.StatusOK, status)
	require.NoDirExists(t, filepath.Join(folder, "built-in"))
	status, _ = c.call("GetSignedArtifactURL", `{"name":"built-in"}`)
	require.Equal(t, http.StatusNotFound, status)
}

func TestWithoutTheTokenThereIsNothing(t *testing.T) {
	s, c, _ := start(t)
	require.Contains(t, s.address, "http://127.0.0.1:")
	for _, token := range []string{"", "other", c.env["ACTIONS_RUNTIME_TOKEN"] + "x"} {
		status, _ := c.do(http.MethodPost, s.address+service+"ListArtifacts", token, "{}")
		require.Equal(t, http.StatusUnauthorized, status, token)
	}
	for _, address := range []string{s.address + "/upload/guess", s.address + "/download/guess"} {
		for _, method := range []string{http.MethodGet, http.MethodPut} {
			status, _ := c.do(method, address, "", "")
			require.GreaterOrEqual(t, status, 400, "%s %s", method, address)
		}
	}
	cache := s.cache.ExternalURL()
	status, _ := c.do(http.MethodGet, cache[:strings.LastIndex(cache, "/")]+"/guess/_apis/artifactcache/cache?keys=a&version=b", "", "")
	require.Equal(t, http.StatusNotFound, status)
}

func TestAnArtifactStaysWhereItBelongs(t *testing.T) {
	_, c, folder := start(t)
	status, _ := c.upload("evil", archive(t, map[string]string{"../../out": "x"}))
	require.Equal(t, http.StatusInternalServerError, status)
	require.NoDirExists(t, filepath.Join(folder, "evil"))
	require.Empty(t, c.kept)
	for _, name := range []string{"..", "a/b", ""} {
		status, _ := c.call("CreateArtifact", `{"name":"`+name+`"}`)
		require.Equal(t, http.StatusBadRequest, status, name)
	}
}

// The cache takes an entry in pieces and gives it back under its key, also to a
// later run.
func TestTheCacheKeepsEntries(t *testing.T) {
	folder := t.TempDir()
	run := func(use func(c *client)) {
		s, err := Start(filepath.Join(t.TempDir(), "artifacts"), folder, "1")
		require.NoError(t, err)
		c := &client{t: t}
		c.env, _, err = s.Job(func(string) {})
		require.NoError(t, err)
		use(c)
		require.NoError(t, s.Close())
	}
	run(func(c *client) {
		base := c.env["ACTIONS_CACHE_URL"] + "_apis/artifactcache/"
		status, _ := c.do(http.MethodGet, base+"cache?keys=deps-1&version=v", "", "")
		require.Equal(t, http.StatusNoContent, status)
		status, body := c.do(http.MethodPost, base+"caches", "", `{"key":"deps-1","version":"v","cacheSize":4}`)
		require.Equal(t, http.StatusOK, status, "%s", body)
		var reserved struct {
			CacheID json.Number `json:"cacheId"`
		}
		require.NoError(t, json.Unmarshal(body, &reserved))
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, base+"caches/"+reserved.CacheID.String(), strings.NewReader("deps"))
		require.NoError(t, err)
		request.Header.Set("Content-Type", "application/octet-stream")
		request.Header.Set("Content-Range", "bytes 0-3/*")
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusOK, response.StatusCode)
		status, body = c.do(http.MethodPost, base+"caches/"+reserved.CacheID.String(), "", `{"size":4}`)
		require.Equal(t, http.StatusOK, status, "%s", body)
	})
	run(func(c *client) {
		status, body := c.do(http.MethodGet, c.env["ACTIONS_CACHE_URL"]+"_apis/artifactcache/cache?keys=other,deps-&version=v", "", "")
		require.Equal(t, http.StatusOK, status)
		var found struct {
			ArchiveLocation string `json:"archiveLocation"`
			CacheKey        string `json:"cacheKey"`
		}
		require.NoError(t, json.Unmarshal(body, &found))
		require.Equal(t, "deps-1", found.CacheKey)
		_, body = c.do(http.MethodGet, found.ArchiveLocation, "", "")
		require.Equal(t, "deps", string(body))
	})
}
