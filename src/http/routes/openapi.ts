import type { Web } from '../web.ts'

/** `GET /api/openapi.json`: this very API, from the schemas that check it. */
export function openapiRoute(web: Web): void {
  web.get('/api/openapi.json', { schema: { hide: true } }, async () => web.swagger())
}
