import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger'

/** The frame of the OpenAPI document; the rest of it are the schemas beside the routes. */
export function openapiDocument(version: string): FastifyDynamicSwaggerOptions {
  return {
    // Schemas go by their own names.
    refResolver: {
      buildLocalReference: ({ $id }, _base, _fragment, i) =>
        typeof $id === 'string' ? $id : `schema-${i}`,
    },
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Roundelay',
        version,
        description:
          "Libraries made of people's own drives, and how far their synchronisation is. Times are milliseconds since 1970.",
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      tags: [
        { name: 'library', description: 'Music, by user.' },
        { name: 'status', description: 'How far the work is.' },
        { name: 'sources', description: 'What a person does about a source.' },
        { name: 'operation', description: 'For those who run the server.' },
      ],
      components: {
        securitySchemes: {
          administrator: {
            type: 'http',
            scheme: 'bearer',
            description:
              'Needed once the server has an administrator token; without one it serves its own machine only.',
          },
        },
      },
      security: [{ administrator: [] }, {}],
    },
  }
}
