export const libraryTables = ``
