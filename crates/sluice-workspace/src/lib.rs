//! Makes trees and commits, moves refs, exports snapshots, writes working trees by directory handle.
