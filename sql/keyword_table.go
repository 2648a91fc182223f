package sql

// A keyword is a word with a meaning in the grammar; notKeyword is any other.
type keyword uint16

// The keywords of PostgreSQL 15 (its Appendix C) and, all of them usable as
// any name, the words of KSQL and our own.
const (
	notKeyword keyword = iota
	kwAbort
	kwAbsolute
	kwAccess
	kwAction
	kwAdd
	kwAdmin
	kwAdvance
	kwAfter
	kwAggregate
	kwAll
	kwAlso
	kwAlter
	kwAlways
	kwAnalyse
	kwAnalyze
	kwAnd
	kwAny
	kwArray
	kwAs
	kwAsc
	kwAsensitive
	kwAsof
	kwAssert
	kwAssertion
	kwAssignment
	kwAsymmetric
	kwAt
	kwAtomic
	kwAttach
	kwAttribute
	kwAuthorization
	kwBackward
	kwBefore
	kwBegin
	kwBeginning
	kwBetween
	kwBigint
	kwBinary
	kwBit
	kwBoolean
	kwBoth
	kwBreadth
	kwBy
	kwCache
	kwCall
	kwCalled
	kwCascade
	kwCascaded
	kwCase
	kwCast
	kwCatalog
	kwChain
	kwChanges
	kwChar
	kwCharacter
	kwCharacteristics
	kwCheck
	kwCheckpoint
	kwClass
	kwClose
	kwCluster
	kwCoalesce
	kwCollate
	kwCollation
	kwColumn
	kwColumns
	kwComment
	kwComments
	kwCommit
	kwCommitted
	kwCompression
	kwConcurrently
	kwConfiguration
	kwConflict
	kwConnection
	kwConnector
	kwConnectors
	kwConstraint
	kwConstraints
	kwContent
	kwContinue
	kwConversion
	kwCopy
	kwCost
	kwCreate
	kwCross
	kwCsv
	kwCube
	kwCumulate
	kwCurrent
	kwCurrentCatalog
	kwCurrentDate
	kwCurrentRole
	kwCurrentSchema
	kwCurrentTime
	kwCurrentTimestamp
	kwCurrentUser
	kwCursor
	kwCycle
	kwData
	kwDatabase
	kwDay
	kwDays
	kwDeallocate
	kwDec
	kwDecimal
	kwDeclare
	kwDefault
	kwDefaults
	kwDeferrable
	kwDeferred
	kwDefine
	kwDefiner
	kwDelete
	kwDelimiter
	kwDelimiters
	kwDepends
	kwDepth
	kwDesc
	kwDescribe
	kwDetach
	kwDictionary
	kwDisable
	kwDiscard
	kwDistinct
	kwDo
	kwDocument
	kwDomain
	kwDouble
	kwDrain
	kwDrop
	kwEach
	kwElse
	kwEmit
	kwEnable
	kwEncoding
	kwEncrypted
	kwEnd
	kwEnum
	kwEscape
	kwEvent
	kwExcept
	kwExclude
	kwExcluding
	kwExclusive
	kwExecute
	kwExists
	kwExplain
	kwExpression
	kwExtended
	kwExtension
	kwExternal
	kwExtract
	kwFalse
	kwFamily
	kwFetch
	kwFilter
	kwFinal
	kwFinalize
	kwFirst
	kwFloat
	kwFollowing
	kwFor
	kwForce
	kwForeign
	kwForward
	kwFreeze
	kwFrom
	kwFull
	kwFunction
	kwFunctions
	kwGenerated
	kwGlobal
	kwGrace
	kwGrant
	kwGranted
	kwGreatest
	kwGroup
	kwGrouping
	kwGroups
	kwHandler
	kwHaving
	kwHeader
	kwHeaders
	kwHold
	kwHopping
	kwHour
	kwHours
	kwIdentity
	kwIf
	kwIlike
	kwImmediate
	kwImmutable
	kwImplicit
	kwImport
	kwIn
	kwInclude
	kwIncluding
	kwIncrement
	kwIndex
	kwIndexes
	kwInherit
	kwInherits
	kwInitially
	kwInline
	kwInner
	kwInout
	kwInput
	kwInsensitive
	kwInsert
	kwInstead
	kwInt
	kwInteger
	kwIntersect
	kwInterval
	kwInto
	kwInvoker
	kwIs
	kwIsnull
	kwIsolation
	kwJoin
	kwKey
	kwLabel
	kwLanguage
	kwLarge
	kwLast
	kwLateral
	kwLeader
	kwLeading
	kwLeakproof
	kwLeast
	kwLeft
	kwLevel
	kwLike
	kwLimit
	kwList
	kwListen
	kwLoad
	kwLocal
	kwLocaltime
	kwLocaltimestamp
	kwLocation
	kwLock
	kwLocked
	kwLogged
	kwMap
	kwMapping
	kwMatch
	kwMatched
	kwMaterialized
	kwMaxvalue
	kwMerge
	kwMethod
	kwMillisecond
	kwMilliseconds
	kwMinute
	kwMinutes
	kwMinvalue
	kwMode
	kwMonth
	kwMonths
	kwMove
	kwName
	kwNames
	kwNational
	kwNatural
	kwNchar
	kwNew
	kwNext
	kwNfc
	kwNfd
	kwNfkc
	kwNfkd
	kwNo
	kwNode
	kwNodes
	kwNone
	kwNormalize
	kwNormalized
	kwNot
	kwNothing
	kwNotify
	kwNotnull
	kwNowait
	kwNull
	kwNullif
	kwNulls
	kwNumeric
	kwObject
	kwOf
	kwOff
	kwOffset
	kwOids
	kwOld
	kwOn
	kwOnly
	kwOperator
	kwOption
	kwOptions
	kwOr
	kwOrder
	kwOrdinality
	kwOthers
	kwOut
	kwOuter
	kwOver
	kwOverlaps
	kwOverlay
	kwOverriding
	kwOwned
	kwOwner
	kwParallel
	kwParameter
	kwParser
	kwPartial
	kwPartition
	kwPassing
	kwPassword
	kwPause
	kwPeriod
	kwPlacing
	kwPlans
	kwPolicy
	kwPosition
	kwPreceding
	kwPrecision
	kwPrepare
	kwPrepared
	kwPreserve
	kwPrimary
	kwPrint
	kwPrior
	kwPrivileges
	kwProcedural
	kwProcedure
	kwProcedures
	kwProgram
	kwProperties
	kwPublication
	kwQueries
	kwQuote
	kwRange
	kwRead
	kwReal
	kwReassign
	kwRecheck
	kwRecursive
	kwRef
	kwReferences
	kwReferencing
	kwRefresh
	kwReindex
	kwRelative
	kwRelease
	kwRename
	kwRepeatable
	kwReplace
	kwReplica
	kwReset
	kwRestart
	kwRestrict
	kwResume
	kwRetention
	kwReturn
	kwReturning
	kwReturns
	kwRevoke
	kwRight
	kwRole
	kwRollback
	kwRollup
	kwRoutine
	kwRoutines
	kwRow
	kwRows
	kwRule
	kwRun
	kwSample
	kwSavepoint
	kwSchema
	kwSchemas
	kwScroll
	kwSearch
	kwSecond
	kwSeconds
	kwSecurity
	kwSelect
	kwSequence
	kwSequences
	kwSerializable
	kwServer
	kwSession
	kwSessionUser
	kwSet
	kwSetof
	kwSets
	kwShard
	kwShards
	kwShare
	kwShow
	kwSimilar
	kwSimple
	kwSize
	kwSkip
	kwSmallint
	kwSnapshot
	kwSome
	kwSource
	kwSql
	kwStable
	kwStandalone
	kwStart
	kwStatement
	kwStatistics
	kwStdin
	kwStdout
	kwStorage
	kwStored
	kwStream
	kwStreams
	kwStrict
	kwStrip
	kwStruct
	kwSubscription
	kwSubstring
	kwSupport
	kwSymmetric
	kwSysid
	kwSystem
	kwSystemTime
	kwTable
	kwTables
	kwTablesample
	kwTablespace
	kwTemp
	kwTemplate
	kwTemporary
	kwTerminate
	kwText
	kwThen
	kwTies
	kwTime
	kwTimestamp
	kwTo
	kwTopic
	kwTopics
	kwTrailing
	kwTransaction
	kwTransform
	kwTreat
	kwTrigger
	kwTrim
	kwTrue
	kwTruncate
	kwTrusted
	kwTumbling
	kwType
	kwTypes
	kwUescape
	kwUnbounded
	kwUncommitted
	kwUndefine
	kwUnencrypted
	kwUnion
	kwUnique
	kwUnknown
	kwUnlisten
	kwUnlogged
	kwUnset
	kwUntil
	kwUpdate
	kwUser
	kwUsing
	kwVacuum
	kwValid
	kwValidate
	kwValidator
	kwValue
	kwValues
	kwVarchar
	kwVariadic
	kwVarying
	kwVerbose
	kwVersion
	kwView
	kwViews
	kwVolatile
	kwWeek
	kwWeeks
	kwWhen
	kwWhere
	kwWhitespace
	kwWindow
	kwWith
	kwWithin
	kwWithout
	kwWork
	kwWrapper
	kwWrite
	kwXml
	kwXmlattributes
	kwXmlconcat
	kwXmlelement
	kwXmlexists
	kwXmlforest
	kwXmlnamespaces
	kwXmlparse
	kwXmlpi
	kwXmlroot
	kwXmlserialize
	kwXmltable
	kwYear
	kwYears
	kwYes
	kwZone
	keywordCount
)

// keywordInfo is what the grammar needs to know about a keyword.
type keywordInfo struct {
	word     string
	category keywordCategory
	// bareLabel says that the word may be a column's label without AS.
	bareLabel bool
	// ours says that PostgreSQL has no such keyword.
	ours bool
}

// keywordTable has one element for each keyword, in the order of the
// constants.
var keywordTable = [keywordCount]keywordInfo{
	notKeyword:         {"", unreserved, true, false},
	kwAbort:            {"abort", unreserved, true, false},
	kwAbsolute:         {"absolute", unreserved, true, false},
	kwAccess:           {"access", unreserved, true, false},
	kwAction:           {"action", unreserved, true, false},
	kwAdd:              {"add", unreserved, true, false},
	kwAdmin:            {"admin", unreserved, true, false},
	kwAdvance:          {"advance", unreserved, true, true},
	kwAfter:            {"after", unreserved, true, false},
	kwAggregate:        {"aggregate", unreserved, true, false},
	kwAll:              {"all", reserved, true, false},
	kwAlso:             {"also", unreserved, true, false},
	kwAlter:            {"alter", unreserved, true, false},
	kwAlways:           {"always", unreserved, true, false},
	kwAnalyse:          {"analyse", reserved, true, false},
	kwAnalyze:          {"analyze", reserved, true, false},
	kwAnd:              {"and", reserved, true, false},
	kwAny:              {"any", reserved, true, false},
	kwArray:            {"array", reserved, false, false},
	kwAs:               {"as", reserved, false, false},
	kwAsc:              {"asc", reserved, true, false},
	kwAsensitive:       {"asensitive", unreserved, true, false},
	kwAsof:             {"asof", unreserved, true, true},
	kwAssert:           {"assert", unreserved, true, true},
	kwAssertion:        {"assertion", unreserved, true, false},
	kwAssignment:       {"assignment", unreserved, true, false},
	kwAsymmetric:       {"asymmetric", reserved, true, false},
	kwAt:               {"at", unreserved, true, false},
	kwAtomic:           {"atomic", unreserved, true, false},
	kwAttach:           {"attach", unreserved, true, false},
	kwAttribute:        {"attribute", unreserved, true, false},
	kwAuthorization:    {"authorization", typeOrFunctionName, true, false},
	kwBackward:         {"backward", unreserved, true, false},
	kwBefore:           {"before", unreserved, true, false},
	kwBegin:            {"begin", unreserved, true, false},
	kwBeginning:        {"beginning", unreserved, true, true},
	kwBetween:          {"between", columnName, true, false},
	kwBigint:           {"bigint", columnName, true, false},
	kwBinary:           {"binary", typeOrFunctionName, true, false},
	kwBit:              {"bit", columnName, true, false},
	kwBoolean:          {"boolean", columnName, true, false},
	kwBoth:             {"both", reserved, true, false},
	kwBreadth:          {"breadth", unreserved, true, false},
	kwBy:               {"by", unreserved, true, false},
	kwCache:            {"cache", unreserved, true, false},
	kwCall:             {"call", unreserved, true, false},
	kwCalled:           {"called", unreserved, true, false},
	kwCascade:          {"cascade", unreserved, true, false},
	kwCascaded:         {"cascaded", unreserved, true, false},
	kwCase:             {"case", reserved, true, false},
	kwCast:             {"cast", reserved, true, false},
	kwCatalog:          {"catalog", unreserved, true, false},
	kwChain:            {"chain", unreserved, true, false},
	kwChanges:          {"changes", unreserved, true, true},
	kwChar:             {"char", columnName, false, false},
	kwCharacter:        {"character", columnName, false, false},
	kwCharacteristics:  {"characteristics", unreserved, true, false},
	kwCheck:            {"check", reserved, true, false},
	kwCheckpoint:       {"checkpoint", unreserved, true, false},
	kwClass:            {"class", unreserved, true, false},
	kwClose:            {"close", unreserved, true, false},
	kwCluster:          {"cluster", unreserved, true, false},
	kwCoalesce:         {"coalesce", columnName, true, false},
	kwCollate:          {"collate", reserved, true, false},
	kwCollation:        {"collation", typeOrFunctionName, true, false},
	kwColumn:           {"column", reserved, true, false},
	kwColumns:          {"columns", unreserved, true, false},
	kwComment:          {"comment", unreserved, true, false},
	kwComments:         {"comments", unreserved, true, false},
	kwCommit:           {"commit", unreserved, true, false},
	kwCommitted:        {"committed", unreserved, true, false},
	kwCompression:      {"compression", unreserved, true, false},
	kwConcurrently:     {"concurrently", typeOrFunctionName, true, false},
	kwConfiguration:    {"configuration", unreserved, true, false},
	kwConflict:         {"conflict", unreserved, true, false},
	kwConnection:       {"connection", unreserved, true, false},
	kwConnector:        {"connector", unreserved, true, true},
	kwConnectors:       {"connectors", unreserved, true, true},
	kwConstraint:       {"constraint", reserved, true, false},
	kwConstraints:      {"constraints", unreserved, true, false},
	kwContent:          {"content", unreserved, true, false},
	kwContinue:         {"continue", unreserved, true, false},
	kwConversion:       {"conversion", unreserved, true, false},
	kwCopy:             {"copy", unreserved, true, false},
	kwCost:             {"cost", unreserved, true, false},
	kwCreate:           {"create", reserved, false, false},
	kwCross:            {"cross", typeOrFunctionName, true, false},
	kwCsv:              {"csv", unreserved, true, false},
	kwCube:             {"cube", unreserved, true, false},
	kwCumulate:         {"cumulate", unreserved, true, true},
	kwCurrent:          {"current", unreserved, true, false},
	kwCurrentCatalog:   {"current_catalog", reserved, true, false},
	kwCurrentDate:      {"current_date", reserved, true, false},
	kwCurrentRole:      {"current_role", reserved, true, false},
	kwCurrentSchema:    {"current_schema", typeOrFunctionName, true, false},
	kwCurrentTime:      {"current_time", reserved, true, false},
	kwCurrentTimestamp: {"current_timestamp", reserved, true, false},
	kwCurrentUser:      {"current_user", reserved, true, false},
	kwCursor:           {"cursor", unreserved, true, false},
	kwCycle:            {"cycle", unreserved, true, false},
	kwData:             {"data", unreserved, true, false},
	kwDatabase:         {"database", unreserved, true, false},
	kwDay:              {"day", unreserved, false, false},
	kwDays:             {"days", unreserved, true, true},
	kwDeallocate:       {"deallocate", unreserved, true, false},
	kwDec:              {"dec", columnName, true, false},
	kwDecimal:          {"decimal", columnName, true, false},
	kwDeclare:          {"declare", unreserved, true, false},
	kwDefault:          {"default", reserved, true, false},
	kwDefaults:         {"defaults", unreserved, true, false},
	kwDeferrable:       {"deferrable", reserved, true, false},
	kwDeferred:         {"deferred", unreserved, true, false},
	kwDefine:           {"define", unreserved, true, true},
	kwDefiner:          {"definer", unreserved, true, false},
	kwDelete:           {"delete", unreserved, true, false},
	kwDelimiter:        {"delimiter", unreserved, true, false},
	kwDelimiters:       {"delimiters", unreserved, true, false},
	kwDepends:          {"depends", unreserved, true, false},
	kwDepth:            {"depth", unreserved, true, false},
	kwDesc:             {"desc", reserved, true, false},
	kwDescribe:         {"describe", unreserved, true, true},
	kwDetach:           {"detach", unreserved, true, false},
	kwDictionary:       {"dictionary", unreserved, true, false},
	kwDisable:          {"disable", unreserved, true, false},
	kwDiscard:          {"discard", unreserved, true, false},
	kwDistinct:         {"distinct", reserved, true, false},
	kwDo:               {"do", reserved, true, false},
	kwDocument:         {"document", unreserved, true, false},
	kwDomain:           {"domain", unreserved, true, false},
	kwDouble:           {"double", unreserved, true, false},
	kwDrain:            {"drain", unreserved, true, true},
	kwDrop:             {"drop", unreserved, true, false},
	kwEach:             {"each", unreserved, true, false},
	kwElse:             {"else", reserved, true, false},
	kwEmit:             {"emit", unreserved, true, true},
	kwEnable:           {"enable", unreserved, true, false},
	kwEncoding:         {"encoding", unreserved, true, false},
	kwEncrypted:        {"encrypted", unreserved, true, false},
	kwEnd:              {"end", reserved, true, false},
	kwEnum:             {"enum", unreserved, true, false},
	kwEscape:           {"escape", unreserved, true, false},
	kwEvent:            {"event", unreserved, true, false},
	kwExcept:           {"except", reserved, false, false},
	kwExclude:          {"exclude", unreserved, true, false},
	kwExcluding:        {"excluding", unreserved, true, false},
	kwExclusive:        {"exclusive", unreserved, true, false},
	kwExecute:          {"execute", unreserved, true, false},
	kwExists:           {"exists", columnName, true, false},
	kwExplain:          {"explain", unreserved, true, false},
	kwExpression:       {"expression", unreserved, true, false},
	kwExtended:         {"extended", unreserved, true, true},
	kwExtension:        {"extension", unreserved, true, false},
	kwExternal:         {"external", unreserved, true, false},
	kwExtract:          {"extract", columnName, true, false},
	kwFalse:            {"false", reserved, true, false},
	kwFamily:           {"family", unreserved, true, false},
	kwFetch:            {"fetch", reserved, false, false},
	kwFilter:           {"filter", unreserved, false, false},
	kwFinal:            {"final", unreserved, true, true},
	kwFinalize:         {"finalize", unreserved, true, false},
	kwFirst:            {"first", unreserved, true, false},
	kwFloat:            {"float", columnName, true, false},
	kwFollowing:        {"following", unreserved, true, false},
	kwFor:              {"for", reserved, false, false},
	kwForce:            {"force", unreserved, true, false},
	kwForeign:          {"foreign", reserved, true, false},
	kwForward:          {"forward", unreserved, true, false},
	kwFreeze:           {"freeze", typeOrFunctionName, true, false},
	kwFrom:             {"from", reserved, false, false},
	kwFull:             {"full", typeOrFunctionName, true, false},
	kwFunction:         {"function", unreserved, true, false},
	kwFunctions:        {"functions", unreserved, true, false},
	kwGenerated:        {"generated", unreserved, true, false},
	kwGlobal:           {"global", unreserved, true, false},
	kwGrace:            {"grace", unreserved, true, true},
	kwGrant:            {"grant", reserved, false, false},
	kwGranted:          {"granted", unreserved, true, false},
	kwGreatest:         {"greatest", columnName, true, false},
	kwGroup:            {"group", reserved, false, false},
	kwGrouping:         {"grouping", columnName, true, false},
	kwGroups:           {"groups", unreserved, true, false},
	kwHandler:          {"handler", unreserved, true, false},
	kwHaving:           {"having", reserved, false, false},
	kwHeader:           {"header", unreserved, true, false},
	kwHeaders:          {"headers", unreserved, true, true},
	kwHold:             {"hold", unreserved, true, false},
	kwHopping:          {"hopping", unreserved, true, true},
	kwHour:             {"hour", unreserved, false, false},
	kwHours:            {"hours", unreserved, true, true},
	kwIdentity:         {"identity", unreserved, true, false},
	kwIf:               {"if", unreserved, true, false},
	kwIlike:            {"ilike", typeOrFunctionName, true, false},
	kwImmediate:        {"immediate", unreserved, true, false},
	kwImmutable:        {"immutable", unreserved, true, false},
	kwImplicit:         {"implicit", unreserved, true, false},
	kwImport:           {"import", unreserved, true, false},
	kwIn:               {"in", reserved, true, false},
	kwInclude:          {"include", unreserved, true, false},
	kwIncluding:        {"including", unreserved, true, false},
	kwIncrement:        {"increment", unreserved, true, false},
	kwIndex:            {"index", unreserved, true, false},
	kwIndexes:          {"indexes", unreserved, true, false},
	kwInherit:          {"inherit", unreserved, true, false},
	kwInherits:         {"inherits", unreserved, true, false},
	kwInitially:        {"initially", reserved, true, false},
	kwInline:           {"inline", unreserved, true, false},
	kwInner:            {"inner", typeOrFunctionName, true, false},
	kwInout:            {"inout", columnName, true, false},
	kwInput:            {"input", unreserved, true, false},
	kwInsensitive:      {"insensitive", unreserved, true, false},
	kwInsert:           {"insert", unreserved, true, false},
	kwInstead:          {"instead", unreserved, true, false},
	kwInt:              {"int", columnName, true, false},
	kwInteger:          {"integer", columnName, true, false},
	kwIntersect:        {"intersect", reserved, false, false},
	kwInterval:         {"interval", columnName, true, false},
	kwInto:             {"into", reserved, false, false},
	kwInvoker:          {"invoker", unreserved, true, false},
	kwIs:               {"is", typeOrFunctionName, true, false},
	kwIsnull:           {"isnull", typeOrFunctionName, false, false},
	kwIsolation:        {"isolation", unreserved, true, false},
	kwJoin:             {"join", typeOrFunctionName, true, false},
	kwKey:              {"key", unreserved, true, false},
	kwLabel:            {"label", unreserved, true, false},
	kwLanguage:         {"language", unreserved, true, false},
	kwLarge:            {"large", unreserved, true, false},
	kwLast:             {"last", unreserved, true, false},
	kwLateral:          {"lateral", reserved, true, false},
	kwLeader:           {"leader", unreserved, true, true},
	kwLeading:          {"leading", reserved, true, false},
	kwLeakproof:        {"leakproof", unreserved, true, false},
	kwLeast:            {"least", columnName, true, false},
	kwLeft:             {"left", typeOrFunctionName, true, false},
	kwLevel:            {"level", unreserved, true, false},
	kwLike:             {"like", typeOrFunctionName, true, false},
	kwLimit:            {"limit", reserved, false, false},
	kwList:             {"list", unreserved, true, true},
	kwListen:           {"listen", unreserved, true, false},
	kwLoad:             {"load", unreserved, true, false},
	kwLocal:            {"local", unreserved, true, false},
	kwLocaltime:        {"localtime", reserved, true, false},
	kwLocaltimestamp:   {"localtimestamp", reserved, true, false},
	kwLocation:         {"location", unreserved, true, false},
	kwLock:             {"lock", unreserved, true, false},
	kwLocked:           {"locked", unreserved, true, false},
	kwLogged:           {"logged", unreserved, true, false},
	kwMap:              {"map", unreserved, true, true},
	kwMapping:          {"mapping", unreserved, true, false},
	kwMatch:            {"match", unreserved, true, false},
	kwMatched:          {"matched", unreserved, true, false},
	kwMaterialized:     {"materialized", unreserved, true, false},
	kwMaxvalue:         {"maxvalue", unreserved, true, false},
	kwMerge:            {"merge", unreserved, true, false},
	kwMethod:           {"method", unreserved, true, false},
	kwMillisecond:      {"millisecond", unreserved, true, true},
	kwMilliseconds:     {"milliseconds", unreserved, true, true},
	kwMinute:           {"minute", unreserved, false, false},
	kwMinutes:          {"minutes", unreserved, true, true},
	kwMinvalue:         {"minvalue", unreserved, true, false},
	kwMode:             {"mode", unreserved, true, false},
	kwMonth:            {"month", unreserved, false, false},
	kwMonths:           {"months", unreserved, true, true},
	kwMove:             {"move", unreserved, true, false},
	kwName:             {"name", unreserved, true, false},
	kwNames:            {"names", unreserved, true, false},
	kwNational:         {"national", columnName, true, false},
	kwNatural:          {"natural", typeOrFunctionName, true, false},
	kwNchar:            {"nchar", columnName, true, false},
	kwNew:              {"new", unreserved, true, false},
	kwNext:             {"next", unreserved, true, false},
	kwNfc:              {"nfc", unreserved, true, false},
	kwNfd:              {"nfd", unreserved, true, false},
	kwNfkc:             {"nfkc", unreserved, true, false},
	kwNfkd:             {"nfkd", unreserved, true, false},
	kwNo:               {"no", unreserved, true, false},
	kwNode:             {"node", unreserved, true, true},
	kwNodes:            {"nodes", unreserved, true, true},
	kwNone:             {"none", columnName, true, false},
	kwNormalize:        {"normalize", columnName, true, false},
	kwNormalized:       {"normalized", unreserved, true, false},
	kwNot:              {"not", reserved, true, false},
	kwNothing:          {"nothing", unreserved, true, false},
	kwNotify:           {"notify", unreserved, true, false},
	kwNotnull:          {"notnull", typeOrFunctionName, false, false},
	kwNowait:           {"nowait", unreserved, true, false},
	kwNull:             {"null", reserved, true, false},
	kwNullif:           {"nullif", columnName, true, false},
	kwNulls:            {"nulls", unreserved, true, false},
	kwNumeric:          {"numeric", columnName, true, false},
	kwObject:           {"object", unreserved, true, false},
	kwOf:               {"of", unreserved, true, false},
	kwOff:              {"off", unreserved, true, false},
	kwOffset:           {"offset", reserved, false, false},
	kwOids:             {"oids", unreserved, true, false},
	kwOld:              {"old", unreserved, true, false},
	kwOn:               {"on", reserved, false, false},
	kwOnly:             {"only", reserved, true, false},
	kwOperator:         {"operator", unreserved, true, false},
	kwOption:           {"option", unreserved, true, false},
	kwOptions:          {"options", unreserved, true, false},
	kwOr:               {"or", reserved, true, false},
	kwOrder:            {"order", reserved, false, false},
	kwOrdinality:       {"ordinality", unreserved, true, false},
	kwOthers:           {"others", unreserved, true, false},
	kwOut:              {"out", columnName, true, false},
	kwOuter:            {"outer", typeOrFunctionName, true, false},
	kwOver:             {"over", unreserved, false, false},
	kwOverlaps:         {"overlaps", typeOrFunctionName, false, false},
	kwOverlay:          {"overlay", columnName, true, false},
	kwOverriding:       {"overriding", unreserved, true, false},
	kwOwned:            {"owned", unreserved, true, false},
	kwOwner:            {"owner", unreserved, true, false},
	kwParallel:         {"parallel", unreserved, true, false},
	kwParameter:        {"parameter", unreserved, true, false},
	kwParser:           {"parser", unreserved, true, false},
	kwPartial:          {"partial", unreserved, true, false},
	kwPartition:        {"partition", unreserved, true, false},
	kwPassing:          {"passing", unreserved, true, false},
	kwPassword:         {"password", unreserved, true, false},
	kwPause:            {"pause", unreserved, true, true},
	kwPeriod:           {"period", unreserved, true, true},
	kwPlacing:          {"placing", reserved, true, false},
	kwPlans:            {"plans", unreserved, true, false},
	kwPolicy:           {"policy", unreserved, true, false},
	kwPosition:         {"position", columnName, true, false},
	kwPreceding:        {"preceding", unreserved, true, false},
	kwPrecision:        {"precision", columnName, false, false},
	kwPrepare:          {"prepare", unreserved, true, false},
	kwPrepared:         {"prepared", unreserved, true, false},
	kwPreserve:         {"preserve", unreserved, true, false},
	kwPrimary:          {"primary", reserved, true, false},
	kwPrint:            {"print", unreserved, true, true},
	kwPrior:            {"prior", unreserved, true, false},
	kwPrivileges:       {"privileges", unreserved, true, false},
	kwProcedural:       {"procedural", unreserved, true, false},
	kwProcedure:        {"procedure", unreserved, true, false},
	kwProcedures:       {"procedures", unreserved, true, false},
	kwProgram:          {"program", unreserved, true, false},
	kwProperties:       {"properties", unreserved, true, true},
	kwPublication:      {"publication", unreserved, true, false},
	kwQueries:          {"queries", unreserved, true, true},
	kwQuote:            {"quote", unreserved, true, false},
	kwRange:            {"range", unreserved, true, false},
	kwRead:             {"read", unreserved, true, false},
	kwReal:             {"real", columnName, true, false},
	kwReassign:         {"reassign", unreserved, true, false},
	kwRecheck:          {"recheck", unreserved, true, false},
	kwRecursive:        {"recursive", unreserved, true, false},
	kwRef:              {"ref", unreserved, true, false},
	kwReferences:       {"references", reserved, true, false},
	kwReferencing:      {"referencing", unreserved, true, false},
	kwRefresh:          {"refresh", unreserved, true, false},
	kwReindex:          {"reindex", unreserved, true, false},
	kwRelative:         {"relative", unreserved, true, false},
	kwRelease:          {"release", unreserved, true, false},
	kwRename:           {"rename", unreserved, true, false},
	kwRepeatable:       {"repeatable", unreserved, true, false},
	kwReplace:          {"replace", unreserved, true, false},
	kwReplica:          {"replica", unreserved, true, false},
	kwReset:            {"reset", unreserved, true, false},
	kwRestart:          {"restart", unreserved, true, false},
	kwRestrict:         {"restrict", unreserved, true, false},
	kwResume:           {"resume", unreserved, true, true},
	kwRetention:        {"retention", unreserved, true, true},
	kwReturn:           {"return", unreserved, true, false},
	kwReturning:        {"returning", reserved, false, false},
	kwReturns:          {"returns", unreserved, true, false},
	kwRevoke:           {"revoke", unreserved, true, false},
	kwRight:            {"right", typeOrFunctionName, true, false},
	kwRole:             {"role", unreserved, true, false},
	kwRollback:         {"rollback", unreserved, true, false},
	kwRollup:           {"rollup", unreserved, true, false},
	kwRoutine:          {"routine", unreserved, true, false},
	kwRoutines:         {"routines", unreserved, true, false},
	kwRow:              {"row", columnName, true, false},
	kwRows:             {"rows", unreserved, true, false},
	kwRule:             {"rule", unreserved, true, false},
	kwRun:              {"run", unreserved, true, true},
	kwSample:           {"sample", unreserved, true, true},
	kwSavepoint:        {"savepoint", unreserved, true, false},
	kwSchema:           {"schema", unreserved, true, false},
	kwSchemas:          {"schemas", unreserved, true, false},
	kwScroll:           {"scroll", unreserved, true, false},
	kwSearch:           {"search", unreserved, true, false},
	kwSecond:           {"second", unreserved, false, false},
	kwSeconds:          {"seconds", unreserved, true, true},
	kwSecurity:         {"security", unreserved, true, false},
	kwSelect:           {"select", reserved, true, false},
	kwSequence:         {"sequence", unreserved, true, false},
	kwSequences:        {"sequences", unreserved, true, false},
	kwSerializable:     {"serializable", unreserved, true, false},
	kwServer:           {"server", unreserved, true, false},
	kwSession:          {"session", unreserved, true, false},
	kwSessionUser:      {"session_user", reserved, true, false},
	kwSet:              {"set", unreserved, true, false},
	kwSetof:            {"setof", columnName, true, false},
	kwSets:             {"sets", unreserved, true, false},
	kwShard:            {"shard", unreserved, true, true},
	kwShards:           {"shards", unreserved, true, true},
	kwShare:            {"share", unreserved, true, false},
	kwShow:             {"show", unreserved, true, false},
	kwSimilar:          {"similar", typeOrFunctionName, true, false},
	kwSimple:           {"simple", unreserved, true, false},
	kwSize:             {"size", unreserved, true, true},
	kwSkip:             {"skip", unreserved, true, false},
	kwSmallint:         {"smallint", columnName, true, false},
	kwSnapshot:         {"snapshot", unreserved, true, false},
	kwSome:             {"some", reserved, true, false},
	kwSource:           {"source", unreserved, true, true},
	kwSql:              {"sql", unreserved, true, false},
	kwStable:           {"stable", unreserved, true, false},
	kwStandalone:       {"standalone", unreserved, true, false},
	kwStart:            {"start", unreserved, true, false},
	kwStatement:        {"statement", unreserved, true, false},
	kwStatistics:       {"statistics", unreserved, true, false},
	kwStdin:            {"stdin", unreserved, true, false},
	kwStdout:           {"stdout", unreserved, true, false},
	kwStorage:          {"storage", unreserved, true, false},
	kwStored:           {"stored", unreserved, true, false},
	kwStream:           {"stream", unreserved, true, true},
	kwStreams:          {"streams", unreserved, true, true},
	kwStrict:           {"strict", unreserved, true, false},
	kwStrip:            {"strip", unreserved, true, false},
	kwStruct:           {"struct", unreserved, true, true},
	kwSubscription:     {"subscription", unreserved, true, false},
	kwSubstring:        {"substring", columnName, true, false},
	kwSupport:          {"support", unreserved, true, false},
	kwSymmetric:        {"symmetric", reserved, true, false},
	kwSysid:            {"sysid", unreserved, true, false},
	kwSystem:           {"system", unreserved, true, false},
	kwSystemTime:       {"system_time", unreserved, true, true},
	kwTable:            {"table", reserved, true, false},
	kwTables:           {"tables", unreserved, true, false},
	kwTablesample:      {"tablesample", typeOrFunctionName, true, false},
	kwTablespace:       {"tablespace", unreserved, true, false},
	kwTemp:             {"temp", unreserved, true, false},
	kwTemplate:         {"template", unreserved, true, false},
	kwTemporary:        {"temporary", unreserved, true, false},
	kwTerminate:        {"terminate", unreserved, true, true},
	kwText:             {"text", unreserved, true, false},
	kwThen:             {"then", reserved, true, false},
	kwTies:             {"ties", unreserved, true, false},
	kwTime:             {"time", columnName, true, false},
	kwTimestamp:        {"timestamp", columnName, true, false},
	kwTo:               {"to", reserved, false, false},
	kwTopic:            {"topic", unreserved, true, true},
	kwTopics:           {"topics", unreserved, true, true},
	kwTrailing:         {"trailing", reserved, true, false},
	kwTransaction:      {"transaction", unreserved, true, false},
	kwTransform:        {"transform", unreserved, true, false},
	kwTreat:            {"treat", columnName, true, false},
	kwTrigger:          {"trigger", unreserved, true, false},
	kwTrim:             {"trim", columnName, true, false},
	kwTrue:             {"true", reserved, true, false},
	kwTruncate:         {"truncate", unreserved, true, false},
	kwTrusted:          {"trusted", unreserved, true, false},
	kwTumbling:         {"tumbling", unreserved, true, true},
	kwType:             {"type", unreserved, true, false},
	kwTypes:            {"types", unreserved, true, false},
	kwUescape:          {"uescape", unreserved, true, false},
	kwUnbounded:        {"unbounded", unreserved, true, false},
	kwUncommitted:      {"uncommitted", unreserved, true, false},
	kwUndefine:         {"undefine", unreserved, true, true},
	kwUnencrypted:      {"unencrypted", unreserved, true, false},
	kwUnion:            {"union", reserved, false, false},
	kwUnique:           {"unique", reserved, true, false},
	kwUnknown:          {"unknown", unreserved, true, false},
	kwUnlisten:         {"unlisten", unreserved, true, false},
	kwUnlogged:         {"unlogged", unreserved, true, false},
	kwUnset:            {"unset", unreserved, true, true},
	kwUntil:            {"until", unreserved, true, false},
	kwUpdate:           {"update", unreserved, true, false},
	kwUser:             {"user", reserved, true, false},
	kwUsing:            {"using", reserved, true, false},
	kwVacuum:           {"vacuum", unreserved, true, false},
	kwValid:            {"valid", unreserved, true, false},
	kwValidate:         {"validate", unreserved, true, false},
	kwValidator:        {"validator", unreserved, true, false},
	kwValue:            {"value", unreserved, true, false},
	kwValues:           {"values", columnName, true, false},
	kwVarchar:          {"varchar", columnName, true, false},
	kwVariadic:         {"variadic", reserved, true, false},
	kwVarying:          {"varying", unreserved, false, false},
	kwVerbose:          {"verbose", typeOrFunctionName, true, false},
	kwVersion:          {"version", unreserved, true, false},
	kwView:             {"view", unreserved, true, false},
	kwViews:            {"views", unreserved, true, false},
	kwVolatile:         {"volatile", unreserved, true, false},
	kwWeek:             {"week", unreserved, true, true},
	kwWeeks:            {"weeks", unreserved, true, true},
	kwWhen:             {"when", reserved, true, false},
	kwWhere:            {"where", reserved, false, false},
	kwWhitespace:       {"whitespace", unreserved, true, false},
	kwWindow:           {"window", reserved, false, false},
	kwWith:             {"with", reserved, false, false},
	kwWithin:           {"within", unreserved, false, false},
	kwWithout:          {"without", unreserved, false, false},
	kwWork:             {"work", unreserved, true, false},
	kwWrapper:          {"wrapper", unreserved, true, false},
	kwWrite:            {"write", unreserved, true, false},
	kwXml:              {"xml", unreserved, true, false},
	kwXmlattributes:    {"xmlattributes", columnName, true, false},
	kwXmlconcat:        {"xmlconcat", columnName, true, false},
	kwXmlelement:       {"xmlelement", columnName, true, false},
	kwXmlexists:        {"xmlexists", columnName, true, false},
	kwXmlforest:        {"xmlforest", columnName, true, false},
	kwXmlnamespaces:    {"xmlnamespaces", columnName, true, false},
	kwXmlparse:         {"xmlparse", columnName, true, false},
	kwXmlpi:            {"xmlpi", columnName, true, false},
	kwXmlroot:          {"xmlroot", columnName, true, false},
	kwXmlserialize:     {"xmlserialize", columnName, true, false},
	kwXmltable:         {"xmltable", columnName, true, false},
	kwYear:             {"year", unreserved, false, false},
	kwYears:            {"years", unreserved, true, true},
	kwYes:              {"yes", unreserved, true, false},
	kwZone:             {"zone", unreserved, true, false},
}
