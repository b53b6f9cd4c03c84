import { live } from './seeds.ts'

live('SQLite, plain peers', 61, 81)
live('the model, both kinds of peers', 81, 101)
