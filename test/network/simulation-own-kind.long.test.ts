import { live } from './seeds.ts'

live('SQLite, peers of our own kind', 1, 41)
live('the model, peers of our own kind', 41, 61)
