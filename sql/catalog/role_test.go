package catalog

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// applied applies commands as they come back from their encoding, and holds the
// snapshot behind each against its own encoding.
func applied(t *testing.T, commands ...Command) *Snapshot {
	t.Helper()
	s := &Snapshot{}
	for _, c := range commands {
		encoded, err := EncodeCommand(c)
		if err != nil {
			t.Fatal(err)
		}
		decoded, err := DecodeCommand(encoded)
		if err != nil || !cmp.Equal(c, decoded) {
			t.Fatalf("%T came back as %+v: %v", c, decoded, err)
		}
		next, _, err := Apply(s, decoded)
		if err != nil {
			t.Fatalf("%T: %v", c, err)
		}
		bytes, err := next.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := DecodeSnapshot(bytes)
		if err != nil {
			t.Fatal(err)
		}
		if bytesAgain, err := again.Encode(); err != nil || string(bytes) != string(bytesAgain) {
			t.Fatalf("behind %T the snapshot came back as another: %v\n%s\n%s", c, err, bytes, bytesAgain)
		}
		s = next
	}
	return s
}

func TestRolesRoundTrip(t *testing.T) {
	table := Relation{Kind: KindTable, Schema: DefaultSchema, Name: "t", Partitions: 1, Rowtime: -1, Key: []int{}, Columns: []Column{}}
	const ann, bob, created = FirstObjectID, FirstObjectID + 1, FirstObjectID + 2
	s := applied(t,
		&Bootstrap{ClusterID: "c", Shards: 1, Superuser: "root", Verifier: "SCRAM"},
		&CreateRole{Name: "ann", Options: RoleOptions{Login: new(true), Verifier: new("v"), ValidUntil: new(int64(5))}, Grantor: SuperuserID},
		&CreateRole{Name: "bob", InRoles: []ObjectID{ann}, Grantor: SuperuserID},
		&Authored{Role: ann, Command: &CreateRelation{Relation: table}},
		&GrantPrivileges{Objects: []ObjectID{created}, Privileges: PrivilegeSelect | PrivilegeInsert, Grantees: []ObjectID{bob, Public}, Grantor: ann},
		&GrantPrivileges{Objects: []ObjectID{created}, Privileges: PrivilegeInsert, Grantees: []ObjectID{Public}, Grantor: ann, Revoke: true},
		&AlterRole{Role: bob, Options: RoleOptions{Inherit: new(false)}, RenameTo: "robert"},
	)
	if access := s.Access(created); access.Owner != ann {
		t.Errorf("the table belongs to %d", access.Owner)
	}
	if !s.Owns(ann, created) || s.Owns(bob, created) || !s.Member(bob, ann) || s.Acts(ann, bob) {
		t.Error("who owns the table and who is a member of whom is not told")
	}
	if got := s.Allowed(bob, created, PrivilegeSelect|PrivilegeInsert|PrivilegeDelete); got != PrivilegeSelect|PrivilegeInsert {
		t.Errorf("the role may do %b", got)
	}
	if items := s.Items(created); !cmp.Equal(items, []string{"ann=arwdDxt/ann", "robert=ar/ann", "=r/ann"}) {
		t.Errorf("the privileges are %q", items)
	}
	if _, _, err := Apply(s, &DropRoles{Roles: []ObjectID{ann}}); err == nil {
		t.Error("a role that owns a table was dropped")
	}
	s, _, err := Apply(s, &DropRelations{Kind: KindTable, Names: []Name{{DefaultSchema, "t"}}})
	if err != nil || len(s.access) != 0 {
		t.Errorf("behind the table, %v is known of objects: %v", s.access, err)
	}
	if s, _, err = Apply(s, &DropRoles{Roles: []ObjectID{ann}}); err != nil || len(s.RoleByName("robert").Memberships) != 0 {
		t.Errorf("the dropped role still has members: %v", err)
	}
}

func TestPredefinedRoles(t *testing.T) {
	s := applied(t, &Bootstrap{ClusterID: "c", Shards: 1},
		&CreateRole{Name: "reader", InRoles: []ObjectID{readAllData}, Grantor: SuperuserID},
		&CreateRelation{Relation: Relation{Kind: KindTable, Schema: DefaultSchema, Name: "t", Partitions: 1, Rowtime: -1, Key: []int{}, Columns: []Column{}}})
	const reader, table = FirstObjectID, FirstObjectID + 1
	if s.Allowed(reader, table, PrivilegeSelect) == 0 || s.Allowed(reader, table, PrivilegeInsert) != 0 {
		t.Error("pg_read_all_data lets read and nothing else")
	}
	if s.RoleByName(DefaultSuperuser) == nil || !s.IsSuperuser(SuperuserID) || s.IsSuperuser(reader) {
		t.Error("who is a superuser is not told")
	}
	for _, c := range []Command{&DropRoles{Roles: []ObjectID{readAllData}}, &DropRoles{Roles: []ObjectID{SuperuserID}}, &CreateRole{Name: "pg_x"}, &AlterRole{Role: SuperuserID, Options: RoleOptions{Superuser: new(false)}}} {
		if _, _, err := Apply(s, c); err == nil {
			t.Errorf("%+v was carried out", c)
		}
	}
}
