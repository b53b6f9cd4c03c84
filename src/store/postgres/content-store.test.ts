import { contentStoreContract } from '../../../test/contract/content-store.ts'
import { contentInPostgres } from '../../../test/content/content-subject.ts'

contentStoreContract('PostgreSQL', contentInPostgres)
