{% macro printed_cells() -%}
    {%- set selects = [] -%}
    {%- for table_code in var('published_tables') -%}
        {%- set seed = ref('published_' ~ table_code) -%}
        {%- for heading in printed_headings(seed.identifier) -%}
            {%- set select -%}
                select
                    '{{ table_code }}' as table_code,
                    row_no,
                    source_line,
                    {{ adapter.quote('城市') }} as city_label,
                    '{{ heading }}' as heading,
                    {{ adapter.quote(heading) }} as printed_value
                from {{ seed }}
            {%- endset -%}
            {%- do selects.append(select) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- if not selects -%}
        {#- a project without printed tables, and dbt's first pass, which does not know the headings yet -#}
        {%- do selects.append(
            "select '' as table_code, 0 as row_no, 0 as source_line, '' as city_label, '' as heading, "
            ~ '0 as printed_value where false'
        ) -%}
    {%- endif -%}
    {{ selects | join('\n    union all\n') }}
{%- endmacro %}

{% macro printed_headings(seed_name) -%}
    {%- if execute -%}
        {%- set nodes = graph.nodes.values() | selectattr('resource_type', 'equalto', 'seed') -%}
        {%- set seed = nodes | selectattr('name', 'equalto', seed_name) | first -%}
        {{ return(seed.columns.keys() | reject('in', ['row_no', '城市', 'source_line']) | list) }}
    {%- endif -%}
    {{ return([]) }}
{%- endmacro %}
