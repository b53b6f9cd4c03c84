import { contentStoreContract } from '../../../test/contract/content-store.ts'
import { contentInSqlite } from '../../../test/content/content-subject.ts'

contentStoreContract('SQLite', contentInSqlite)
