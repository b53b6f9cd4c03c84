import { Type } from 'typebox'
import { restartStuck, type Operations } from '../../engine/operations.ts'
import type { TaskStore } from '../../engine/task-store.ts'
import { ownerOf, type Directory } from '../directory.ts'
import { problemResponses, Refusal } from '../problem.ts'
import { Id, list, preset, ref, UserName } from '../schema.ts'
import type { Web } from '../web.ts'
import { FailedTask } from '../work.ts'

export interface TasksRouteParts {
  readonly registry: Directory
  readonly operations: Operations
  readonly tasks: Pick<TaskStore, 'stalls'>
}

/** Tasks in one answer. */
const maxTasks = 1_000
const presetTasks = 100

const Name = Type.String({ ...UserName, description: 'Name of a user.' })
const Nothing = Type.Object({}, { additionalProperties: false })

/** Tasks that have failed: `/api/users/:name/tasks/...`, `/api/restart-stuck` */
export function tasksRoutes(web: Web, parts: TasksRouteParts): void {
  listRoute(web, parts)
  deedRoute(web, parts, 'retry')
  deedRoute(web, parts, 'drop')
  restartStuckRoute(web, parts)
}

function listRoute(web: Web, { registry, operations }: TasksRouteParts): void {
  const TasksQuery = Type.Object(
    {
      all: preset(
        Type.Boolean({ description: 'Also those that are tried again by themselves.' }),
        false,
      ),
      after: preset(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }), 0),
      limit: preset(Type.Integer({ minimum: 1, maximum: maxTasks }), presetTasks),
    },
    { additionalProperties: false },
  )
  const schema = {
    summary: 'Tasks that wait for a person, and why',
    description: 'By number; `after` is the number of the last one of the page before.',
    tags: ['operation'],
    params: Type.Object({ name: Name }),
    querystring: TasksQuery,
    response: { 200: Type.Object({ tasks: list(ref(FailedTask)) }), ...problemResponses },
  }
  web.get('/api/users/:name/tasks', { schema }, async ({ params, query }) => {
    const owner = await ownerOf(registry, params.name)
    const { all: isAll, after, limit } = query
    const tasks = await operations.failed({
      ownerId: owner.id,
      sourceId: null,
      isAll,
      after,
      limit,
    })
    return { tasks }
  })
}

const deeds = {
  retry: {
    summary: 'Try a task again at once',
    description: 'Its attempts are forgotten.',
  },
  drop: {
    summary: 'Give a task up',
    description:
      'A file is skipped until it changes; a folder is left out of its round, which hides nothing then.',
  },
} as const

function deedRoute(
  web: Web,
  { registry, operations }: TasksRouteParts,
  deed: keyof typeof deeds,
): void {
  const schema = {
    ...deeds[deed],
    tags: ['operation'],
    params: Type.Object({ name: Name, id: Id }),
    querystring: Nothing,
    response: { 200: Type.Object({ isDone: Type.Literal(true) }), ...problemResponses },
  }
  web.post(`/api/users/:name/tasks/:id/${deed}`, { schema }, async ({ params }) => {
    const owner = await ownerOf(registry, params.name)
    if (await operations[deed](params.id, owner.id)) return { isDone: true as const }
    throw new Refusal('unknown-task', `${owner.name} has no task ${params.id} that waits.`)
  })
}

function restartStuckRoute(web: Web, { operations, tasks }: TasksRouteParts): void {
  const schema = {
    summary: 'Restart what stands still',
    description:
      'Sources whose work has not moved for ten minutes, though nothing holds it back, begin anew, and all parked tasks are tried again.',
    tags: ['operation'],
    querystring: Nothing,
    response: {
      200: Type.Object({
        sources: list(Type.Integer(), { description: 'Those that are restarted.' }),
        tasks: Type.Integer({ description: 'How many were parked.' }),
      }),
      ...problemResponses,
    },
  }
  web.post('/api/restart-stuck', { schema }, () => restartStuck(tasks, operations))
}
