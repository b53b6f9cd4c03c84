import { KeptInModel } from './kept-in-model.ts'
import { liveAll } from './seeds.ts'

liveAll({ store: 'the model', count: 9_000, charge: 'tasks', empty: () => new KeptInModel() })
