package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// One visit in a real browser goes through the frontend, the backend, the cache
// and the database: the page lists courses, and an enrolment shows up in it.
func TestBrowserEnrols(t *testing.T) {
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	defer stop()
	browser, closeBrowser := chromedp.NewContext(allocator)
	defer closeBrowser()
	ctx, cancel := context.WithTimeout(browser, 90*time.Second)
	defer cancel()

	student := fmt.Sprintf("Student %d", time.Now().UnixNano())
	require.NoError(t, chromedp.Do(ctx,
		chromedp.Navigate(fmt.Sprintf("http://127.0.0.1:%d/", frontendPort)),
		chromedp.WaitVisible(chromedp.CSS("main form")),
		chromedp.SendKeys(chromedp.CSS(`main form input[name="student"]`), student),
		chromedp.Click(chromedp.CSS(`main form button[type="submit"]`)),
	))
	_, err := chromedp.Run(ctx, chromedp.Poll[bool](fmt.Sprintf("document.body.innerText.includes(%q)", student)))
	require.NoError(t, err, "the page shows the enrolment")
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	require.NoError(t, err)
	keep(t, "frontend.png", picture)
	var rows int
	require.NoError(t, database(t).QueryRow(t.Context(), "SELECT count(*) FROM enrolments WHERE student = $1", student).Scan(&rows))
	require.Equal(t, 1, rows, "the enrolment is in the database")
}
