'use client'

/** Shown instead of the page when rendering it failed. */
export default function ErrorPage({ error }: { error: Error & { digest?: string } }) {
  return (
    <main id="main">
      <section className="card trouble" role="alert">
        <h1>Something went wrong</h1>
        <p>The page could not be shown{error.digest ? ` (reference ${error.digest})` : ''}.</p>
        <p><a href="/">Try again</a></p>
      </section>
    </main>
  )
}
