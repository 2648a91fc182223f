package catalog

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"millrace/sql/sqlerr"
)

// MaxShards bounds the number of shards of a cluster.
const MaxShards = 1024

// MaxColumns is the largest number of columns of a relation, as in PostgreSQL.
const MaxColumns = 1600

// Apply returns the catalog as a command leaves it. It is a pure function of
// its arguments, so that all replicas agree, and the place of every check that
// needs the catalog's current version. On error, which is an *sqlerr.Error, the
// catalog stays as it is.
func Apply(s *Snapshot, command Command) (*Snapshot, Result, error) {
	var next *Snapshot
	result := Result{Version: s.version}
	var err error
	if _, isBootstrap := command.(*Bootstrap); !isBootstrap && s.shards == 0 {
		return s, result, sqlerr.New(sqlerr.ObjectNotInPrerequisiteState, -1, "the cluster has not been initialized")
	}
	switch c := command.(type) {
	case *Authored:
		return applyAuthored(s, c)
	case *Define:
		return applyDefine(s, c)
	case *Once:
		return applyOnce(s, c)
	case *Coordinate:
		return applyCoordinate(s, c)
	case *GiveUp:
		return applyGiveUp(s, c)
	case *Held:
		return applyHeld(s, c)
	case *ReserveIDs:
		return applyReserveIDs(s, c)
	case *ReturnIDs:
		return applyReturnIDs(s, c)
	case *DecideTransaction:
		return applyDecideTransaction(s, c)
	case *ForgetTransaction:
		return applyForgetTransaction(s, c)
	case *ReserveRowIDs:
		return applyReserveRowIDs(s, c)
	case *NextValues:
		return applyNextValues(s, c)
	case *SetSequence:
		return applySetSequence(s, c)
	case *ReturnValues:
		return applyReturnValues(s, c)
	case *CommentOnSequence:
		next, err = applyCommentOnSequence(s, c)
	case *CreateSchema:
		next, err = applyCreateSchema(s, c, &result)
	case *DropSchemas:
		next, err = applyDropSchemas(s, c, &result)
	case *RenameSchema:
		next, err = applyRenameSchema(s, c)
	case *CommentOnSchema:
		next, err = applyCommentOnSchema(s, c)
	case *CommentOnConstraint:
		next, err = applyCommentOnConstraint(s, c)
	case *CreateSequence:
		next, err = applyCreateSequence(s, c, &result)
	case *AlterSequence:
		next, err = applyAlterSequence(s, c, &result)
	case *DropSequences:
		next, err = applyDropSequences(s, c, &result)
	case *Bootstrap:
		next, err = applyBootstrap(s, c)
	case *CreateRelation:
		next, err = applyCreateRelation(s, c, &result)
	case *CreateQuery:
		next, err = applyCreateQuery(s, c, &result)
	case *DropRelations:
		next, err = applyDropRelations(s, c, &result)
	case *TerminateQuery:
		next, err = applyTerminate(s, c, &result)
	case *PauseQuery:
		next, err = applyPaused(s, c.Name, true)
	case *ResumeQuery:
		next, err = applyPaused(s, c.Name, false)
	case *CommentOn:
		next, err = applyComment(s, c)
	case *CreateView:
		next, err = applyCreateView(s, c, &result)
	case *AlterView:
		next, err = applyAlterView(s, c)
	case *CreateIndex:
		next, err = applyCreateIndex(s, c, &result)
	case *IndexReady:
		next = applyIndexReady(s, c)
	case *DropIndexes:
		next, err = applyDropIndexes(s, c, &result)
	case *AbandonIndex:
		next = applyAbandonIndex(s, c, &result)
	case *CommentOnIndex:
		next, err = applyCommentOnIndex(s, c)
	case *AlterRelation:
		next, err = applyAlterRelation(s, c, &result)
	case *CreateShadow:
		next, err = applyCreateShadow(s, c, &result)
	case *DropShadow:
		next = applyDropShadow(s, c, &result)
	case *CreateRole:
		next, err = applyCreateRole(s, c, &result)
	case *AlterRole:
		next, err = applyAlterRole(s, c)
	case *DropRoles:
		next, err = applyDropRoles(s, c, &result)
	case *GrantRoles:
		next, err = applyGrantRoles(s, c, &result)
	case *GrantPrivileges:
		next, err = applyGrantPrivileges(s, c)
	case *SetOwner:
		next, err = applySetOwner(s, c)
	case *CreateType:
		next, err = applyCreateType(s, c, &result)
	case *AlterType:
		next, err = applyAlterType(s, c)
	case *DropTypes:
		next, err = applyDropTypes(s, c, &result)
	default:
		err = sqlerr.New(sqlerr.InternalError, -1, "unknown catalog command %T", command)
	}
	if err == nil && next != nil {
		err = next.settleTypes(s)
	}
	if err != nil {
		return s, Result{Version: s.version}, err
	}
	if next == nil {
		return s, result, nil
	}
	result.Version = next.version
	next.forget(result.Dropped)
	return next.index(), result, nil
}

func applyBootstrap(s *Snapshot, c *Bootstrap) (*Snapshot, error) {
	if s.shards != 0 {
		return nil, sqlerr.New(sqlerr.ObjectNotInPrerequisiteState, -1, "the cluster is already initialized")
	}
	if c.Shards < 1 || c.Shards > MaxShards {
		return nil, sqlerr.New(sqlerr.InvalidParameterValue, -1, "the number of shards must be between 1 and %d", MaxShards)
	}
	next := s.edit()
	next.schemas = []*Schema{publicSchema}
	next.clusterID, next.shards, next.createdMillis = c.ClusterID, c.Shards, c.CreatedMillis
	next.roles = []*Role{{
		ID: SuperuserID, Name: cmp.Or(c.Superuser, DefaultSuperuser), Superuser: true, Inherit: true, CreateRole: true,
		CreateDatabase: true, Login: true, Replication: true, BypassRowSecurity: true,
		ConnectionLimit: -1, Verifier: c.Verifier, ValidUntil: NoExpiry,
	}}
	return next, nil
}

// applyReserveRowIDs changes nothing that a version stands for: plans and shards
// need not take notice.
func applyReserveRowIDs(s *Snapshot, c *ReserveRowIDs) (*Snapshot, Result, error) {
	result := Result{Version: s.version}
	if c.Count < 1 || s.lastRowID > math.MaxInt64-c.Count {
		return s, result, sqlerr.New(sqlerr.ProgramLimitExceeded, -1, "there are no more row ids")
	}
	next := *s
	next.lastRowID += c.Count
	result.First = s.lastRowID + 1
	return &next, result, nil
}

// applyTerminate freezes what the terminated queries wrote.
func applyTerminate(s *Snapshot, c *TerminateQuery, result *Result) (*Snapshot, error) {
	queries, err := s.named(c.Name)
	if err != nil || len(queries) == 0 {
		return nil, err
	}
	if err := s.checkShared(queries); err != nil {
		return nil, err
	}
	next := s.edit()
	for _, q := range queries {
		next.removeQuery(q.ID)
		result.Dropped = append(result.Dropped, q.ID)
		if sink := s.Relation(q.Sink); sink != nil && !q.Inserts() {
			frozen := *sink
			frozen.Query, frozen.Frozen = 0, true
			next.replaceRelation(&frozen)
		}
	}
	next.keepShared(s)
	return next, nil
}

func applyPaused(s *Snapshot, name string, paused bool) (*Snapshot, error) {
	queries, err := s.named(name)
	if err != nil {
		return nil, err
	}
	var next *Snapshot
	for _, q := range queries {
		if q.Paused == paused {
			continue
		}
		if next == nil {
			next = s.edit()
		}
		changed := *q
		changed.Paused = paused
		next.replaceQuery(&changed)
	}
	return next, nil
}

// named returns the query with a name, or all queries for "".
func (s *Snapshot) named(name string) ([]*Query, error) {
	if name == "" {
		return s.queries, nil
	}
	q := s.QueryByName(name)
	if q == nil {
		return nil, sqlerr.New(sqlerr.UndefinedObject, -1, "query %q does not exist", name).
			WithHint("SHOW QUERIES lists the continuous queries.")
	}
	return []*Query{q}, nil
}

func applyComment(s *Snapshot, c *CommentOn) (*Snapshot, error) {
	if v := s.LookupView(c.Name.Schema, c.Name.Name); v != nil {
		return applyCommentOnView(s, c, v)
	}
	r := s.Lookup(c.Name.Schema, c.Name.Name)
	if r == nil && c.Column == "" && s.NameTaken(c.Name.Schema, c.Name.Name) {
		return nil, sqlerr.New(sqlerr.WrongObjectType, -1, "%q is not a %s", c.Name.Name, c.Kind)
	}
	if r == nil {
		return nil, sqlerr.New(sqlerr.UndefinedTable, -1, "relation %q does not exist", c.Name.String())
	}
	if c.Column == "" && c.Kind != r.Kind {
		return nil, wrongKind(r, c.Kind, "COMMENT ON")
	}
	changed := *r
	if c.Column == "" {
		changed.Comment = c.Text
	} else {
		column := r.Column(c.Column)
		if column < 0 {
			return nil, sqlerr.New(sqlerr.UndefinedColumn, -1, "column %q of relation %q does not exist", c.Column, r.Name)
		}
		changed.Columns = slices.Clone(r.Columns)
		changed.Columns[column].Comment = c.Text
	}
	next := s.edit()
	next.replaceRelation(&changed)
	return next, nil
}

func applyCommentOnSequence(s *Snapshot, c *CommentOnSequence) (*Snapshot, error) {
	q := s.LookupSequence(c.Name.Schema, c.Name.Name)
	if q == nil {
		if s.NameTaken(c.Name.Schema, c.Name.Name) {
			return nil, sqlerr.New(sqlerr.WrongObjectType, -1, "%q is not a sequence", c.Name.Name)
		}
		return nil, sqlerr.New(sqlerr.UndefinedTable, -1, "relation %q does not exist", c.Name.String())
	}
	changed := *q
	changed.Comment = c.Text
	next := s.edit()
	next.replaceSequence(&changed)
	return next, nil
}

func applyCommentOnConstraint(s *Snapshot, c *CommentOnConstraint) (*Snapshot, error) {
	r := s.Lookup(c.Relation.Schema, c.Relation.Name)
	if r == nil {
		return nil, sqlerr.New(sqlerr.UndefinedTable, -1, "relation %q does not exist", c.Relation.String())
	}
	if r.Constraint(c.Constraint) == nil {
		return nil, sqlerr.New(sqlerr.UndefinedObject, -1, "constraint %q for table %q does not exist", c.Constraint, r.Name)
	}
	changed := *r
	changed.Constraints = slices.Clone(r.Constraints)
	changed.Constraint(c.Constraint).Comment = c.Text
	next := s.edit()
	changed.Changed = next.version
	next.replaceRelation(&changed)
	return next, nil
}

// wrongKind is the error of a statement that calls a relation what it is not.
func wrongKind(r *Relation, called Kind, verb string) error {
	return sqlerr.New(sqlerr.WrongObjectType, -1, "%q is not a %s", r.Name, called).
		WithHint("Use %s %s for a %s.", verb, map[Kind]string{KindStream: "STREAM", KindTable: "TABLE"}[r.Kind], r.Kind)
}

// describe names a relation in DETAIL lines.
func describe(r *Relation) string { return fmt.Sprintf("%s %s", r.Kind, Name{r.Schema, r.Name}) }
