import { contentHistories } from '../../../test/contract/content-histories.ts'
import { contentInSqlite } from '../../../test/content/content-subject.ts'

contentHistories('SQLite', contentInSqlite, process.env['IN_FULL'] === undefined ? 60 : 400)
