import { live } from './seeds.ts'

live('SQLite, peers of our own kind', 1, 2)
live('the model, peers of our own kind', 41, 42)
live('SQLite, plain peers', 61, 62)
live('the model, both kinds of peers', 81, 82)
