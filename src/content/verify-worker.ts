import { answerBatches } from '../base/thread.ts'
import type { AuthChain } from './entity.ts'
import { rules } from './rules/rules.ts'
import type { Answer, SubmissionBatch } from './verifier.ts'
import { verifyJob } from './verify-job.ts'

/** The thread in which submissions are verified. It keeps nothing from one to the next. */
answerBatches(
  ({ entityId, start, end, authChain }, { bytes, settings }: SubmissionBatch): Answer => {
    const submission = {
      entityId,
      file: bytes.subarray(start, end),
      // It was one when it was made into text.
      authChain: JSON.parse(authChain) as AuthChain,
    }
    const verdict = verifyJob(submission, rules(settings))
    if (!verdict.isGood) return verdict
    const { file: _, authChain: __, ...deployment } = verdict.deployment
    return { ...verdict, deployment }
  },
)
