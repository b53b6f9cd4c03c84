import { contentHistories } from '../../../test/contract/content-histories.ts'
import { contentInPostgres } from '../../../test/content/content-subject.ts'

contentHistories('PostgreSQL', contentInPostgres, process.env['IN_FULL'] === undefined ? 20 : 150)
