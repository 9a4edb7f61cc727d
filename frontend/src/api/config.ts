/** Where the API is: said by /config.json at run time, never baked into the bundle. */

const API_PORT = 3001;

function isConfig(value: unknown): value is { apiBaseUrl: string | null } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'apiBaseUrl' in value &&
    (value.apiBaseUrl === null || typeof value.apiBaseUrl === 'string')
  );
}

/** The API's address without a slash at its end; by default this page's host at port 3001. */
export async function apiBaseUrl(page: Location): Promise<string> {
  const fallback = `${page.protocol}//${page.hostname}:${API_PORT}`;
  try {
    const answer = await fetch('/config.json', { mode: 'cors', credentials: 'same-origin' });
    const config: unknown = answer.ok ? await answer.json() : null;
    if (isConfig(config) && config.apiBaseUrl) {
      return new URL(config.apiBaseUrl, page.origin).href.replace(/\/+$/, '');
    }
  } catch {
    // No file, or not JSON: the default holds.
  }
  return fallback;
}
