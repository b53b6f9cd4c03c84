import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { load } from 'js-yaml'

interface Operation {
  readonly responses: Readonly<Record<string, object>>
}

interface Spec {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, object>> }
}

interface Validator {
  validateResponse(
    status: string,
    body: unknown,
  ): { readonly message: string; readonly errors?: unknown } | undefined
}

const require = createRequire(import.meta.url)
const file = require.resolve('@dcl/catalyst-api-specs').replace(/index\.js$/, 'api.yaml')
const spec = load(readFileSync(file, 'utf8')) as Spec
// CommonJS: as its own kind sees it.
const { default: ResponseValidator } = require('openapi-response-validator') as {
  readonly default: new (args: object) => Validator
}

/** What was answered, as far as the network's description of its API has a say in it. */
export interface Told {
  readonly method: string
  /** Below the prefix. */
  readonly path: string
  readonly status: number
  /** Parsed JSON; what is no JSON as text. */
  readonly body: unknown
}

/** Throws for an answer that is not as `@dcl/catalyst-api-specs` describes it. */
export function checkTold(told: Told): void {
  if (!/^[245]/.test(String(told.status)) || told.method === 'HEAD') return
  const problem = problemOf(told)
  if (problem !== null) throw new Error(`${told.method} ${told.path} ${told.status}: ${problem}`)
}

function problemOf({ method, path, status, body }: Told): string | null {
  const operation = operationOf(method, path)
  const declared = operation?.responses[String(status)]
  // What is not described, or described wrongly, is in the one shape of errors.
  if (status >= 400 && (declared === undefined || isMisdescribed(path, status))) {
    const isBare = (status === 404 && body === 'Not found') || (status === 416 && body === '')
    return isBare ? null : problemWith({ $ref: errorRef }, body)
  }
  if (declared === undefined || operation === undefined) return null
  const isDescribed = 'content' in declared
  return isDescribed ? outcome(validatorOf(operation), status, body) : null
}

/** The spec says that this is a string; no server ever sent one. */
function isMisdescribed(path: string, status: number): boolean {
  return status === 404 && /^\/contents\/[^/]+$/.test(path)
}

function problemWith(schema: object, body: unknown): string | null {
  const responses = { 200: { content: { 'application/json': { schema } } } }
  return outcome(new ResponseValidator({ responses, components: spec.components }), 200, body)
}

/** Whether a body is as one of the spec's schemas. */
export function checkSchema(name: string, body: unknown): void {
  const problem = problemWith({ $ref: `#/components/schemas/${name}` }, body)
  if (problem !== null) throw new Error(problem)
}

function outcome(validator: Validator, status: number, body: unknown): string | null {
  const found = validator.validateResponse(String(status), body)
  return found === undefined ? null : JSON.stringify(found)
}

const validators = new Map<Operation, Validator>()

function validatorOf(operation: Operation): Validator {
  const { responses } = operation
  const made =
    validators.get(operation) ?? new ResponseValidator({ responses, components: spec.components })
  validators.set(operation, made)
  return made
}

function operationOf(method: string, path: string): Operation | undefined {
  const paths = Object.entries(spec.paths).filter(([template]) => template.startsWith('/content/'))
  const fitting = paths.filter(([template]) => {
    const pattern = template.replace('/content', '').replaceAll(/\{\w+\}/g, '[^/]+')
    return new RegExp(`^${pattern}$`).test(path)
  })
  return fitting.find(([, operations]) => method.toLowerCase() in operations)?.[1][
    method.toLowerCase()
  ]
}

const errorRef = '#/components/schemas/error'
