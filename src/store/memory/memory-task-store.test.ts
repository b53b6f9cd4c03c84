import { modelSubject } from '../../../test/contract/bench.ts'
import { taskStoreContract } from '../../../test/contract/task-store.ts'

taskStoreContract('the model', modelSubject)
