import { sqliteSubject } from '../../../test/contract/bench.ts'
import { taskStoreContract } from '../../../test/contract/task-store.ts'

taskStoreContract('SQLite', sqliteSubject)
