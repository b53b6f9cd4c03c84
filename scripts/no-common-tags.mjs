// Stands in for music-metadata's CombinedTagMapper inside the built command. Of every tag we read only the native form;
// the common one costs a third of what the parser's thread computes, most of it for tables it makes anew for every file.
export class CombinedTagMapper {
  mapTag() {
    return null
  }
}
