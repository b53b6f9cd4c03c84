import { postgresSubject } from '../../../test/contract/postgres-subject.ts'
import { taskStoreContract } from '../../../test/contract/task-store.ts'

taskStoreContract('PostgreSQL', postgresSubject)
