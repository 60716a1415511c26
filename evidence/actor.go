package evidence

import "context"

// How an actor was established.
const (
	// ByOperatingSystem: the kernel names the user who runs the command, or who is at the other end of the socket.
	ByOperatingSystem = "operating_system"
	// ByLogin: the person logged in.
	ByLogin = "login"
	// ByToken: the request carried a token that was issued to the actor.
	ByToken = "token"
)

// Actor is who caused an entry of the log, as established by the program and
// not as stated by the person. The person whom a command names (--by,
// --approver) stands in the body of the entry; Person is the same person where
// the roster knows them.
type Actor struct {
	// User is the name by which the actor was established, such as the login name of the operating system.
	User string `json:"user"`
	// Established is one of ByOperatingSystem, ByLogin and ByToken.
	Established string `json:"established"`
	// Person is whom the request names.
	Person *Person `json:"person,omitempty"`
}

// Person is somebody whom a request names.
type Person struct {
	Name string `json:"name,omitempty"`
	// Email is the address in the roster; empty where there is none.
	Email string `json:"email,omitempty"`
	// Verified tells that the roster has exactly one person of that name or address.
	Verified bool `json:"verified"`
}

// String returns the person as one line: "Ann Lee <ann@acme.example>", or the part that is known.
func (p Person) String() string {
	switch {
	case p.Name == "":
		return p.Email
	case p.Email == "":
		return p.Name
	}
	return p.Name + " <" + p.Email + ">"
}

type actorKey struct{}

// WithActor returns a context that carries who asked for what is done in it.
func WithActor(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// ActorFrom returns who asked for what is done in ctx; nil where the program does it by itself.
func ActorFrom(ctx context.Context) *Actor {
	if a, ok := ctx.Value(actorKey{}).(Actor); ok && a != (Actor{}) {
		return &a
	}
	return nil
}
