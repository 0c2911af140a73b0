//go:build long

package report

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// browser is a headless Chromium, driven over its pipe for developer tools.
type browser struct {
	t       *testing.T
	in      io.Writer
	session string
	next    int

	mu      sync.Mutex
	answers map[int]chan message
	events  chan message
	wrong   []string // errors of scripts and of the console
}

// message is one message of the protocol.
type message struct {
	ID        int             `json:"id"`
	Method    string          `json:"method"`
	SessionID string          `json:"sessionId"`
	Params    json.RawMessage `json:"params"`
	Result    json.RawMessage `json:"result"`
	Error     *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// startBrowser starts Debian's Chromium, or skips the test where there is none and nobody
// has asked for it.
func startBrowser(t *testing.T) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("MPSIM_REQUIRE_CHROMIUM") == "1" {
			t.Fatal("MPSIM_REQUIRE_CHROMIUM is 1, and there is no chromium (apt-get install -y chromium)")
		}
		t.Skip("no chromium")
	}
	toBrowser, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, fromBrowser, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
		"--disable-background-networking", "--user-data-dir="+t.TempDir(), "--remote-debugging-pipe", "about:blank")
	cmd.ExtraFiles = []*os.File{toBrowser, fromBrowser} // descriptors 3 and 4
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	toBrowser.Close()
	fromBrowser.Close()
	b := &browser{t: t, in: in, answers: map[int]chan message{}, events: make(chan message, 10000)}
	go b.read(out)
	t.Cleanup(func() {
		_ = b.send("Browser.close", nil, "", 0)
		in.Close()
		done := make(chan struct{})
		go func() { _ = cmd.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			_ = cmd.Process.Kill()
		}
	})
	target := b.call("Target.createTarget", map[string]any{"url": "about:blank"})
	id := target["targetId"].(string)
	b.session = b.call("Target.attachToTarget", map[string]any{"targetId": id, "flatten": true})["sessionId"].(string)
	for _, domain := range []string{"Page", "Runtime", "Log"} {
		b.call(domain+".enable", nil)
	}
	return b
}

func (b *browser) read(out io.Reader) {
	in := bufio.NewReaderSize(out, 1<<20)
	for {
		text, err := in.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(bytes.TrimSuffix(text, []byte{0}), &m) != nil {
			continue
		}
		b.mu.Lock()
		switch {
		case m.ID != 0:
			if c := b.answers[m.ID]; c != nil {
				c <- m
			}
		case m.Method == "Runtime.exceptionThrown", m.Method == "Log.entryAdded" && !strings.Contains(string(m.Params), `"level":"verbose"`),
			m.Method == "Runtime.consoleAPICalled":
			b.wrong = append(b.wrong, string(m.Params))
		default:
			select {
			case b.events <- m:
			default:
			}
		}
		b.mu.Unlock()
	}
}

func (b *browser) send(method string, params any, session string, id int) error {
	m := map[string]any{"id": id, "method": method}
	if params != nil {
		m["params"] = params
	}
	if session != "" {
		m["sessionId"] = session
	}
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	_, err = b.in.Write(append(text, 0))
	return err
}

// call sends a command and waits for its result.
func (b *browser) call(method string, params any) map[string]any {
	b.t.Helper()
	answer := make(chan message, 1)
	b.mu.Lock()
	b.next++
	id := b.next
	b.answers[id] = answer
	b.mu.Unlock()
	if err := b.send(method, params, b.session, id); err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
	select {
	case m := <-answer:
		if m.Error != nil {
			b.t.Fatalf("%s: %s", method, m.Error.Message)
		}
		var out map[string]any
		_ = json.Unmarshal(m.Result, &out)
		return out
	case <-time.After(2 * time.Minute):
		b.t.Fatalf("%s: no answer", method)
		return nil
	}
}

// open loads a file and waits until it is complete.
func (b *browser) open(file string, width, height int, scheme string) {
	b.t.Helper()
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 700})
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}})
	b.call("Page.navigate", map[string]any{"url": (&url.URL{Scheme: "file", Path: file}).String()})
	b.until("document.readyState === 'complete' && location.protocol === 'file:'")
}

// value evaluates an expression, of a promise what it gives.
func (b *browser) value(expression string) any {
	b.t.Helper()
	out := b.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true})
	if e, bad := out["exceptionDetails"]; bad {
		b.t.Fatalf("%s: %v", expression, e)
	}
	return out["result"].(map[string]any)["value"]
}

// until waits until an expression is true.
func (b *browser) until(expression string) {
	b.t.Helper()
	for range 600 {
		if b.value("Boolean("+expression+")") == true {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	b.t.Fatalf("never true: %s", expression)
}

// mouse sends an event of the mouse, buttons as the protocol wants them.
func (b *browser) mouse(kind string, x, y float64, buttons int) {
	button := "none"
	if kind != "mouseMoved" || buttons != 0 {
		button = "left"
	}
	count := 0
	if kind != "mouseMoved" {
		count = 1
	}
	b.call("Input.dispatchMouseEvent", map[string]any{"type": kind, "x": x, "y": y, "button": button, "buttons": buttons, "clickCount": count})
}

// center scrolls to an element and returns a point in it, as parts of its width and height.
func (b *browser) point(selector string, across, down float64) (x, y float64) {
	b.t.Helper()
	p, _ := b.value(fmt.Sprintf(`(() => { const e = document.querySelector(%q); e.scrollIntoView({block: "center"}); const r = e.getBoundingClientRect(); return [r.left + r.width * %g, r.top + r.height * %g]; })()`,
		selector, across, down)).([]any)
	if len(p) != 2 {
		b.t.Fatalf("no element %s", selector)
	}
	return p[0].(float64), p[1].(float64)
}

// screenshot returns what is seen; full: the whole page. It is kept as an artifact of the test.
func (b *browser) screenshot(name string, full bool) image.Image {
	b.t.Helper()
	out := b.call("Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": full})
	data, err := base64.StdEncoding.DecodeString(out["data"].(string))
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(b.t.ArtifactDir(), name+".png"), data, 0o644); err != nil {
		b.t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		b.t.Fatal(err)
	}
	return img
}

// quiet fails if a script or the console has reported anything.
func (b *browser) quiet() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, w := range b.wrong {
		b.t.Errorf("console: %s", w)
	}
	b.wrong = nil
}
