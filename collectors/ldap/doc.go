// Package ldap reads a directory that speaks LDAP, with Active Directory's,
// OpenLDAP's and 389 Directory Server's (FreeIPA's) own words for what matters:
// users, groups with all their members, password policies.
//
// It may import collectors, evidence and the LDAP library. What never enters:
// judgement of what was read, a password attribute, and any operation that
// changes a directory.
//
// # Read-only by construction
//
// Between the library and the connection stands a guard that takes every message
// apart, and lets bind, search, abandon and unbind pass. Everything else is
// refused before a byte of it leaves. Passwords leave over TLS only: ldaps, or
// StartTLS before the bind; plain is for this machine, and must be asked for.
//
// # What a directory does not say
//
// enabled is what the directory says of an account: userAccountControl in Active
// Directory, nsAccountLock in 389, pwdAccountLockedTime of an administrator's
// lock in OpenLDAP. Where it says nothing, it is absent: an OpenLDAP directory
// without such an entry does not know.
//
// last_login of Active Directory is lastLogonTimestamp, which domain controllers
// write, and replicate, with a delay of 9 to 14 days: an account that looks idle for 90
// days has been idle for at least 76. OpenLDAP says it (authTimestamp) where lastbind is on.
// member_of does not hold the primary group of Active Directory.
//
// # What is not whole
//
// A limit of the server's (500 entries by default in OpenLDAP, 1000 in Active
// Directory without paging) ends the reading as incomplete. Referrals are not
// followed: each names a scope that was not read. Those to the partitions of Active Directory that
// hold no accounts are named as a filter of the certificate.
package ldap
