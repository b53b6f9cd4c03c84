import { answerBatches } from '../../base/thread.ts'
import { type FileBatch, parseJob } from './parse-job.ts'

/** The thread in which bytes of strangers meet the tag parser. It keeps nothing from one file to the next. */
answerBatches((job, { bytes }: FileBatch) => parseJob(bytes, job))
