import { Type } from 'typebox'
import { list, nullable, oneOf, ref, TimeMs } from './schema.ts'

const pool = () => oneOf('list', 'read', 'cpu', 'peer')

const Process = Type.Object({
  name: Type.String(),
  sinceMs: TimeMs,
  state: oneOf('works', 'paused', 'silent', 'gone'),
  isPaused: Type.Boolean({ description: 'By an operator.' }),
  heardMs: nullable(
    Type.Integer({
      description:
        'When it last told that it is there, in milliseconds since 1970; null where a lock tells (SQLite).',
    }),
  ),
  goneMs: nullable(
    Type.Integer({
      description:
        'It is taken for gone then if it tells nothing before, and what it has goes to others; null where a lock tells.',
    }),
  ),
  slots: Type.Integer(),
  busy: Type.Integer(),
})

const Pool = Type.Object({
  pool: pool(),
  slots: Type.Integer(),
  busy: Type.Integer(),
})

const Slot = Type.Object({
  process: Type.String({ description: 'The process that it belongs to.' }),
  pool: pool(),
  slot: Type.Integer(),
  owner: Type.String(),
  source: Type.String(),
  kind: nullable(Type.String()),
  what: Type.String({
    description: 'The path of the file, or the step that is listed; empty where a listing begins.',
  }),
  sinceMs: TimeMs,
  untilMs: Type.Integer({
    description: 'It is free again then, no matter what; milliseconds since 1970.',
  }),
})

const Lane = Type.Object({
  owner: Type.String(),
  pool: pool(),
  class: Type.Unsafe<0 | 1 | 2>({
    type: 'integer',
    enum: [0, 1, 2],
    description: '0 a person waits for it, 1 a sync, 2 background.',
  }),
  weight: Type.Integer({ description: 'Tasks a turn.' }),
  lag: Type.Number({
    description:
      'How far it stands behind the present virtual time: seconds of slot time, or tasks where these are charged, by weight. Below zero it is ahead.',
  }),
  waiting: Type.Integer({
    description: 'What could be claimed, counted up to a thousand tasks and files a source.',
  }),
  running: Type.Integer({ description: 'Slots that it has now.' }),
  share: Type.Number({ description: 'Its part of the slot time that the pool gives now, 0 to 1.' }),
})

const UnwellSource = Type.Object({
  id: Type.Integer(),
  owner: Type.String(),
  source: Type.String(),
  state: oneOf('resting', 'stopped'),
  wellMs: nullable(
    Type.Integer({
      description: 'When it last answered well, in milliseconds since 1970; null if never.',
    }),
  ),
  untilMs: nullable(
    Type.Integer({
      description: 'Its next check, in milliseconds since 1970; null when a person is needed.',
    }),
  ),
  code: Type.String(),
  message: Type.String(),
})

export const FailedTask = Type.Object(
  {
    id: Type.Integer(),
    kind: Type.String(),
    owner: Type.String(),
    sourceId: Type.Integer(),
    source: Type.String(),
    what: Type.String({ description: 'The path of the file, or the step that is listed.' }),
    attempts: Type.Integer(),
    crashes: Type.Integer({ description: 'Leases that passed before it ended.' }),
    nextMs: nullable(
      Type.Integer({
        description: 'Its next attempt, in milliseconds since 1970; null when it is parked.',
      }),
    ),
    code: Type.String(),
    message: Type.String(),
  },
  { $id: 'FailedTask', description: 'A task that has failed.' },
)

export const Work = Type.Object(
  {
    processes: list(Process, {
      description:
        'Who does the work, and who did and is gone without a word. None that works: roundelay serve.',
    }),
    pools: list(Pool, { description: 'Of all processes together.' }),
    slots: list(Slot, { description: 'What is done now; what takes longest comes first.' }),
    lanes: list(Lane, { description: 'Who runs or could run; who lags most comes first.' }),
    unwell: list(UnwellSource, { description: 'Sources with an open breaker.' }),
    parked: list(ref(FailedTask), { description: 'Tasks that wait for a person.' }),
  },
  { $id: 'Work', description: 'What is going on.' },
)

/** Processes, slots, lanes, sources and tasks in one answer, each. */
export const maxWork = 100
