import { noWallets } from '../../src/content/contract-wallet.ts'
import type { ExaminerParts } from '../../src/content/examiner.ts'
import { contentErrors } from '../../src/content/rules/content-rules.ts'
import { ownershipOff } from '../../src/content/rules/ownership.ts'
import { rules } from '../../src/content/rules/rules.ts'
import { ruleSettings } from '../../src/content/rules/settings.ts'
import { verifyJob } from '../../src/content/verify-job.ts'

const strict = rules(ruleSettings)

/** The real parts that examine, without threads. */
export const examinerParts: ExaminerParts = {
  verifier: {
    verify: async (submission) => verifyJob(submission, strict),
    close: async () => undefined,
  },
  contentRules: contentErrors,
  ownership: ownershipOff,
  wallets: noWallets,
}
