// Package git reads local repositories, bare or clones, with the git program:
// their branches and tags, every commit that reached the protected branch along
// its first parents, and every move of that branch. It needs no credential, and
// is the second source against which a host's list of changes is held.
//
// It may import collectors and evidence. What never enters: judgement of what
// was read, any network, and anything that runs a program which a repository
// names: hooks, filters, signature checkers, remote helpers.
//
// # Which commits are new
//
// The dates of commits lie: a rebase keeps the old author's date, a clock may
// be wrong, anyone may set either date. A window by date would lose a commit
// that carries an old date and arrived just now, which is the very one to hide.
// So a reading of git.commit ends with a mark, the commit that the branch named,
// and the next one begins there: it holds what the branch reaches along first
// parents and the marked commit did not. Nothing is lost or repeated whatever
// the dates say. Of a commit whose date lies outside of its window, the
// effective time is the nearest instant of the window: it was not there before.
//
// The first reading has no mark. It takes the newest commits down to the oldest
// one that is dated within the window. What lies below that and is dated
// earlier was there, or was backdated, before anyone looked.
//
// The move itself is a record of git.update: from which commit to which,
// whether the old one is still an ancestor, and what is gone. A rewritten
// history is thereby a fact of one record.
//
// # Signatures
//
// That a commit carries a signature, and of which sort, is read from the
// commit. Whether it holds is not said: that needs keys this machine may not
// have, and git would run the checker that the repository's own settings name.
package git
