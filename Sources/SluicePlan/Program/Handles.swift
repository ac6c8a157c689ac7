import SluiceIR

// The typed handles of a `Program`: what indexes which of its columns.

/// Marks handles of items.
enum ItemTag {}
/// Marks handles of roots.
enum RootTag {}
/// Marks handles of views.
enum ViewTag {}
/// Marks handles of layouts.
enum LayoutTag {}
/// Marks handles of recipes.
enum RecipeTag {}
/// Marks handles of blocks.
enum BlockTag {}

/// One thing that a function does.
typealias ItemID = Handle<ItemTag>
/// A value with elements of its own.
typealias RootID = Handle<RootTag>
/// A way to see a root: what items read.
typealias ViewID = Handle<ViewTag>
/// An interned layout: where a view's elements are among its root's.
typealias LayoutID = Handle<LayoutTag>
/// An interned recipe: what an item computes.
typealias RecipeID = Handle<RecipeTag>
/// The function, or the body of a loop, or one side of a branch.
typealias BlockID = Handle<BlockTag>

/// A column of handles most of which are none: it reaches to the last one that is not.
struct RareColumn<Tag> {
  private var rows: [Handle<Tag>] = []

  subscript(_ row: Int) -> Handle<Tag> {
    get { row < rows.count ? rows[row] : .none }
    set {
      if row >= rows.count { rows += repeatElement(.none, count: row + 1 - rows.count) }
      rows[row] = newValue
    }
  }
}
